/** Where the package is tried. */
export const entries: { name: string; core?: boolean; packages?: Record<string, string> }[]
