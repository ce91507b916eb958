// A plugin of TypeDoc: every name of the library stands under the folder of src/ that it comes from, in the order of
// ARCHITECTURE.md's parts, as no docstring says where its file lies; the first page says what there is, and every page leads
// back to the site.

import { relative, resolve, sep } from 'node:path';
import {
  type Application,
  Comment,
  CommentTag,
  Converter,
  type DeclarationReflection,
  PageEvent,
  ReflectionKind,
  type SignatureReflection,
} from 'typedoc';

const source = resolve(import.meta.dirname, '..', 'src');

export function load(app: Application): void {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const doors = project.children ?? [];
    // What is written in an import.
    for (const door of doors) door.name = door.name === 'index' ? 'ohmic' : `ohmic/${door.name}`;
    for (const name of doors.flatMap(({ children }) => children ?? [])) placeInRoom(name);
    for (const signature of project.getReflectionsByKind(ReflectionKind.CallSignature))
      listFields(signature as SignatureReflection);
    project.readme = [{ kind: 'text', text: FRONT }];
  });
  app.renderer.on(PageEvent.END, (page) => {
    page.contents = withLinks(page.contents!, page.url);
  });
}

const FRONT = `What every name takes, returns, throws and leaves out, and where its equation comes from.

- [ohmic](modules/ohmic.html) is the library, free of Node: it runs in a browser too.
- [ohmic/node](modules/ohmic_node.html) makes engines that use the processor's own instructions, and reads data sets from files.

Names stand under the folder of \`src/\` that they come from, in the menu on the left. Most scripts need \`createEngine\`, a
network such as \`smallCnn\`, \`prepareFit\` to train it, and \`deploy\` or \`evaluate\` to put it onto chips.`;

/** Where TypeDoc has room for links in the bar on top. */
const ROOM = '<div id="tsd-toolbar-links"></div>';

/** Links to the site and the lab, relative to the page. TypeDoc's own option takes absolute addresses only. */
function withLinks(html: string, url: string): string {
  if (!html.includes(ROOM))
    throw new Error(`reference: expected room for links in ${url}, got ${html.slice(0, 80)}`);
  const up = '../'.repeat(url.split('/').length);
  const link = (path: string, words: string): string => `<a href="${up}${path}">${words}</a>`;
  const links = `${link('index.html', 'Site')}${link('start.html', 'Start')}${link('lab/index.html', 'Lab')}`;
  return html.replace(ROOM, ROOM.replace('></div>', `>${links}</div>`));
}

function placeInRoom(name: DeclarationReflection): void {
  const file = name.sources?.[0]?.fullFileName ?? fileOfSymbol(name);
  const [room] = relative(source, file ?? source).split(sep);
  name.comment ??= new Comment();
  name.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: room! }]));
}

/** The file of a name, where sources are not shown. */
function fileOfSymbol(name: DeclarationReflection): string | undefined {
  return name.project.getSymbolIdFromReflection(name)?.fileName;
}

/**
 * What docstrings say of the fields of an options object becomes a list below their first words: TypeDoc has no place for
 * fields of a parameter that has no name of its own.
 */
function listFields(signature: SignatureReflection): void {
  const { comment } = signature;
  if (comment === undefined) return;
  const names = new Set((signature.parameters ?? []).map(({ name }) => name));
  const fields = comment.blockTags.filter(
    ({ tag, name }) => tag === '@param' && name !== undefined && !names.has(name),
  );
  for (const field of fields) {
    comment.blockTags.splice(comment.blockTags.indexOf(field), 1);
    comment.summary.push({ kind: 'text', text: `\n\n- \`${field.name!.replace(/^options\./, '')}\`: ` });
    comment.summary.push(...field.content);
  }
}
