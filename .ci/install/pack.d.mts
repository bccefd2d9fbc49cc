/** A tarball and the names of the files in it. */
export interface Packed {
  file: string
  names: string[]
}
export function packPackages(folder: string): Promise<{
  manifest: { version: string; optionalDependencies?: Record<string, string> }
  main: Packed
  platforms: Packed[]
}>
