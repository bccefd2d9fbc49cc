/** What a contender is: something that makes logits of JPEG files in a process of its own. */
import type { Prepared } from '../prepare.js'

/** `whole`: JPEG bytes → logits; `decode`: bytes → what the network reads; `network`: that → logits. */
export const MEASURES = ['whole', 'decode', 'network'] as const
export type Measure = (typeof MEASURES)[number]

/** A contender with its model loaded. */
export interface Side {
  /** Versions of what it uses. */
  versions: Record<string, string>
  /** Threads it has, which may be fewer than it was given. */
  threads: number
  /** Logits of files, row after row. */
  whole(files: readonly Uint8Array[]): Promise<Float32Array>
  /** What the network reads of files. */
  decode(files: readonly Uint8Array[]): Promise<unknown>
  /** Makes a network's input of files and returns what runs the network on it, again and again. */
  network(files: readonly Uint8Array[]): Promise<() => Promise<unknown>>
  /** Logits of normalised pixels `[N, 3, height, width]`, of peers that take pixels. */
  pixels?(pixels: Float32Array, count: number): Promise<Float32Array>
}

/** Loads a workload's model for use with that many threads. */
export type OpenSide = (workload: Prepared, threads: number) => Promise<Side>
