/** How much memory this process may still take: what the system has left, or the group it was put in (a container's limit). */
import { readFile } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'

/** Bytes that can be had; memory that only caches files is free to have. */
export async function availableBytes(): Promise<number> {
  const ofGroups = process.platform === 'linux' ? await leftInGroups() : []
  return Math.max(0, Math.min(freemem(), ...ofGroups))
}

/** Where the files of both versions of Linux's control groups are. */
const ROOTS = { v2: '/sys/fs/cgroup', v1: '/sys/fs/cgroup/memory' } as const

const FILES = {
  v2: { limit: 'memory.max', used: 'memory.current', cached: 'inactive_file' },
  v1: { limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes', cached: 'total_inactive_file' },
} as const

/** What each group of this process that has a limit has left. */
async function leftInGroups(): Promise<number[]> {
  const text = await readFile('/proc/self/cgroup', 'utf8').catch(() => '')
  const left = await Promise.all(
    text.split('\n').flatMap(line => {
      const [, id, controllers = '', path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? []
      const unified = id === '0' && controllers === ''
      if (!unified && !controllers.split(',').includes('memory')) return []
      return withParents(path).map(group => leftIn(unified ? 'v2' : 'v1', group))
    }),
  )
  return left.filter(bytes => bytes !== undefined)
}

/** A path of a group and of all it is in; in a container the outermost may be the only one that is seen. */
function withParents(path: string): string[] {
  const parts = path.split('/').filter(part => part !== '')
  return [...parts.map((_, index) => `/${parts.slice(0, parts.length - index).join('/')}`), '/']
}

async function leftIn(version: 'v1' | 'v2', group: string): Promise<number | undefined> {
  const { limit, used, cached } = FILES[version]
  const read = (name: string) => readFile(join(ROOTS[version], group, name), 'utf8').catch(() => '')
  const [most, now, stat] = await Promise.all([read(limit), read(used), read('memory.stat')])
  const [limitBytes, usedBytes] = [Number(most || NaN), Number(now || NaN)]
  const [, cachedBytes = '0'] = new RegExp(`^${cached} (\\d+)$`, 'm').exec(stat) ?? []
  // `max`, no such group, or a number larger than any machine's memory: no limit.
  if (!Number.isFinite(limitBytes) || !Number.isFinite(usedBytes)) return undefined
  return limitBytes - usedBytes + Number(cachedBytes)
}
