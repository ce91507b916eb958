// A plugin of TypeDoc: every name of the library stands under the folder of src/ that it comes from, in the order of
// ARCHITECTURE.md's parts, as no docstring says where its file lies.

import { relative, resolve, sep } from 'node:path';
import {
  type Application,
  Comment,
  CommentTag,
  Converter,
  type DeclarationReflection,
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
  });
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
