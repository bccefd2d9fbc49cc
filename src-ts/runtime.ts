import { lift, runtimeInfo as nativeRuntimeInfo } from './native/addon.js'

/** Instruction set, threads and versions of this process. */
export interface RuntimeInfo {
  /** The instruction set in use: `scalar`, `avx2`, `avx512` or `neon`. The environment variable `JPEGNET_ISA` sets it. */
  isa: string
  /** All instruction sets of this machine that are supported. */
  availableIsas: string[]
  /** Number of threads. The environment variable `JPEGNET_THREADS` sets it. */
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
