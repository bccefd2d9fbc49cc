/** Where this code is, as a module, in a CommonJS file or in a bundle. */

/**
 * Files, or addresses of files, from which what lies beside this package is looked for. A bundle's own place is known by one of the
 * first two, by its format; webpack writes the place of the source there instead, so the program that was started is another.
 */
export function origins(): string[] {
  const module = import.meta.url as string | undefined
  return [module, typeof __filename === 'string' ? __filename : undefined, process.argv[1]].filter(
    file => file !== undefined && /^(file:|\/|[a-z]:[\\/])/i.test(file),
  ) as string[]
}
