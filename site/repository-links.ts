// Links of the documents, as they are written for a checkout, turned into links of the site: to a page where the target is
// one, else to the file in the repository. A target that does not exist ends the build, and so does an unknown heading.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { MarkdownRenderer } from 'vitepress';

/** Where links may lead. */
export type LinkTargets = {
  /** The folder of the checkout. */
  readonly root: string;
  /** Address of its files, without a slash at the end. */
  readonly repository: string;
  /** Address of the page made from a file of the checkout, as `/docs/physics`; undefined if there is none. */
  readonly pageOf: (path: string) => string | undefined;
};

/** The part of VitePress's environment that says which file a page is made from. */
type Environment = { readonly realPath?: string; readonly path?: string };

/** @throws Error if a relative link leads nowhere */
export function repositoryLinks(md: MarkdownRenderer, targets: LinkTargets): void {
  md.core.ruler.push('repository-links', (state) => {
    const { realPath, path } = state.env as Environment;
    const file = realPath ?? path;
    if (file === undefined) return;
    for (const token of state.tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type !== 'link_open') continue;
      const href = token.attrGet('href') ?? '';
      // Addresses of the site, of other sites, and of the same page are VitePress's.
      if (/^([a-z]+:|\/|#|$)/.test(href)) continue;
      token.attrSet('href', siteAddress(file, href, targets));
    }
  });
}

/**
 * The address on the site of what a file of the checkout links to.
 *
 * @throws Error if there is no such file, or no such heading in it
 */
export function siteAddress(file: string, href: string, { root, repository, pageOf }: LinkTargets): string {
  const [path = '', heading] = href.split('#');
  const target = resolve(dirname(file), decodeURIComponent(path));
  const inRepository = relative(root, target);
  if (inRepository.startsWith('..') || !existsSync(target))
    throw new Error(`${relative(root, file)}: expected a file of the repository, got the link ${href}`);
  if (heading !== undefined && target.endsWith('.md') && !headingsOf(target).includes(heading))
    throw new Error(`${relative(root, file)}: no heading of ${inRepository} is #${heading}`);
  const hash = heading === undefined ? '' : `#${heading}`;
  const page = pageOf(inRepository);
  if (page !== undefined) return `${page}${hash}`;
  return `${repository}/${statSync(target).isDirectory() ? 'tree' : 'blob'}/main/${inRepository}${hash}`;
}

/** Anchors of the headings of a Markdown file: lower case, hyphens for spaces, no punctuation. */
function headingsOf(file: string): readonly string[] {
  const text = readFileSync(join(file), 'utf8').replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '');
  return [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s+/g, '-'),
  );
}
