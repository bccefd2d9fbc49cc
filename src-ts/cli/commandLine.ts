/** The command line that a page tells of, so that a shell can repeat it. */
export function commandLine(): string {
  const plain = /^[\w@%+=:,./~-]+$/
  const quoted = (text: string) => (plain.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
  return ['jpegnet', ...process.argv.slice(2).map(quoted)].join(' ')
}
