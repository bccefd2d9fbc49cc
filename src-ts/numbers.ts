/** Numbers as people read them. */

/** A share as per cent. */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`
}

/** A whole number with its thousands set apart. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** How long work is likely to take, by how long other work of its kind took; nothing if none was done. */
export function secondsLeft(taken: number, done: number, left: number): number | undefined {
  return done > 0 ? (taken / done) * left : undefined
}

/** A time as people say it. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`
}

/** An amount of memory, rounded to what matters. */
export function bytesText(bytes: number): string {
  const unit = ['B', 'kB', 'MB', 'GB', 'TB'].findIndex((_, power) => bytes < 999.5 * 1000 ** power)
  const power = unit === -1 ? 4 : unit
  const value = bytes / 1000 ** power
  return `${value.toFixed(value < 10 && power > 0 ? 1 : 0)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`
}
