// The command as it was typed, for records and for how to continue.

/** This process's command line without --resume, quoted for a shell. */
export function commandLine(): string {
  const words = process.argv.slice(2).filter((word) => word !== '--resume');
  return [
    'ohmic',
    ...words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)),
  ].join(' ');
}
