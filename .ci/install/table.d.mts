/** What a row tells of an entry before it is run. */
export function beginning(entry: { name: string; core?: boolean; packages?: Record<string, string> }): string
/** The rows of docs/bundlers.md. */
export function readRows(): Promise<string[]>
