import { lift, runtimeInfo as nativeRuntimeInfo } from './native/addon.js'

/** What this process runs on. */
export interface RuntimeInfo {
  /** The instruction set in use: `scalar`, `avx2`, `avx512` or `neon`. The environment variable `JPEGNET_ISA` sets it. */
  isa: string
  /** All that this machine has. */
  availableIsas: string[]
  /** Threads that share the work. The environment variable `JPEGNET_THREADS` sets it. */
  threads: number
  /** The JPEG library linked. */
  libjpeg: string
  /** Version of the addon. */
  version: string
}

/**
 * The instruction set, threads and versions of this process.
 *
 * @throws ModelError `INVALID_OPTION` if `JPEGNET_ISA` or `JPEGNET_THREADS` ask for what there is not
 */
export function runtimeInfo(): RuntimeInfo {
  return lift(nativeRuntimeInfo())
}
