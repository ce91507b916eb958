// The command as typed, for records and for the hint how to continue.

/** This process's command line without --resume, quoted for a shell. */
export function commandLine(): string {
  const words = process.argv.slice(2).filter((word) => word !== '--resume');
  return [
    'ohmic',
    ...words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)),
  ].join(' ');
}
