/** A way to use the package that is tried. */
export interface Entry {
  name: string
  /** Whether every run tries it. */
  core?: boolean
  /** Packages that are installed beside jpegnet. */
  packages?: Record<string, string>
  /** Files of the project. */
  files?: Record<string, string>
  /** What follows `npm install`. */
  installed?: string
  /** Says what came of it, or nothing. */
  run: (tools: object) => Promise<string | void>
}
