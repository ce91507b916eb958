// The command as typed, for records and for the hint how to continue.

/** This process's command line without --resume, quoted for a shell. */
export function commandLine(): string {
  const words = process.argv.slice(2).filter((word) => word !== '--resume');
  return ['ohmic', ...words.map(quotedForShell)].join(' ');
}

/** A word as a shell takes it for one. */
export function quotedForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
