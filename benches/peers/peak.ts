/** How much memory a process takes. */
import { readFile } from 'node:fs/promises'

/**
 * The most memory this process ever had resident. Linux counts in `ru_maxrss`, which Node tells, what the process that
 * started this one had too; its status file does not.
 */
export async function peakMegabytes(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? []
  return Number(kilobytes ?? process.resourceUsage().maxRSS) / 1024
}
