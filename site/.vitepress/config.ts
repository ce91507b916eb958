// How the site is built: pages of site/, and docs/ and the documents of the root as they are, into site/dist. Addresses are
// relative, so that any static host at any path serves it. Nothing is fetched, neither here nor by the pages.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defineConfig } from 'vitepress';
import { repositoryLinks } from '../repository-links.ts';

const root = resolve(import.meta.dirname, '..', '..');
const repository = 'https://github.com/ohmic-lab/ohmic';

/** Documents of the root that are pages; the README is for those who are not here yet. */
const rootPages = ['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md'];

/** Pages of the examples, made from examples/: site/examples/[name].paths.ts. */
const examplePage = /^examples\/([\w-]+)\.ts$/;

function pageOf(path: string): string | undefined {
  const own = /^(?:site\/)?((?:docs\/)?[\w/-]+)\.md$/.exec(path);
  if (own !== null && /^(site|docs)\//.test(path)) return `/${own[1]!.replace(/(^|\/)index$/, '$1')}`;
  if (rootPages.includes(path)) return `/${path.replace(/\.md$/, '')}`;
  if (path === 'examples/README.md') return '/examples/';
  const example = examplePage.exec(path);
  return example === null || !existsSync(join(root, path)) ? undefined : `/examples/${example[1]}`;
}

/** Title of a document: its first heading. */
const titleOf = (path: string): string =>
  /^# (.*)$/m.exec(readFileSync(join(root, path), 'utf8'))?.[1] ?? path;

const page = (path: string): { text: string; link: string } => ({ text: titleOf(path), link: pageOf(path)! });

// Files of the site that are made by other programs: TypeDoc, and Vite for the lab.
const besides = /^(\.\/|\/)?(\.\.\/)*(reference|lab)\//;

const nav = [
  { text: 'Start', link: '/start' },
  { text: 'Examples', link: '/examples/' },
  { text: 'Physics', link: '/docs/physics' },
  { text: 'Published and ours', link: '/published' },
  { text: 'Lab', link: '/lab/', target: '_self' },
  { text: 'Reference', link: '/reference/', target: '_self' },
];

const sidebar = [
  {
    text: 'Begin',
    items: [
      { text: 'Ten minutes', link: '/start' },
      { text: 'The command', link: '/docs/command' },
      { text: 'The lab', link: '/docs/lab' },
      { text: 'Examples', link: '/examples/' },
      { text: 'Coming from aihwkit', link: '/from-aihwkit' },
    ],
  },
  {
    text: 'Four questions',
    items: [
      { text: 'Will my network survive?', link: '/survive' },
      { text: 'How do I train it?', link: '/train' },
      { text: 'On which hardware?', link: '/hardware' },
      { text: 'At what energy?', link: '/energy' },
    ],
  },
  {
    text: 'Results',
    items: [
      { text: 'Published and ours', link: '/published' },
      page('docs/results.md'),
      page('docs/joshi2020.md'),
      page('docs/nandakumar2020.md'),
      page('docs/in-cell-rules.md'),
      page('docs/performance.md'),
    ],
  },
  {
    text: 'How it works',
    items: [
      'library',
      'physics',
      'energy',
      'transformers',
      'pulse-devices',
      'training-in-cells',
      'measured-cells',
      'weights-file',
      'onnx',
      'photos',
      'sweeps',
    ].map((name) => page(`docs/${name}.md`)),
  },
  { text: 'The project', items: rootPages.map(page) },
];

/** VitePress checks the links of pages; these are the links of the menus. */
function checkMenus(pages: readonly string[]): void {
  const known = pages.map((path) => `/${path.replace(/(index)?\.md$/, '')}`);
  const links = JSON.stringify([nav, sidebar]).matchAll(/"link":"([^"]+)"/g);
  const dead = [...links].flatMap(([, link]) =>
    known.includes(link!) || besides.test(link!) ? [] : [link!],
  );
  if (dead.length > 0) throw new Error(`menus of the site: expected pages, got ${dead.join(', ')}`);
}

export default defineConfig({
  title: 'ohmic',
  description: 'A laboratory for neural networks on analog in-memory hardware.',
  lang: 'en',
  base: './',
  srcDir: '..',
  // Whole folders first, so that the search for pages does not enter them.
  srcExclude: ['!(site|docs|examples|*.md)/**', 'README.md'],
  rewrites: { 'examples/README.md': 'examples/index.md', 'site/:page(.*)': ':page' },
  outDir: 'dist',
  cacheDir: '.cache',
  cleanUrls: false,
  ignoreDeadLinks: [besides],
  markdown: { config: (md) => repositoryLinks(md, { root, repository, pageOf }) },
  vite: { build: { chunkSizeWarningLimit: 1000 } },
  buildEnd: ({ pages, rewrites }) => checkMenus(pages.map((path) => rewrites.map[path] ?? path)),
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: repository }],
    nav,
    sidebar,
  },
});
