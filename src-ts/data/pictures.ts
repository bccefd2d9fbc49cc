import { lift, type BindingView, type NativeJpegSet, type NativePackedSet } from '../native/addon.js'

/** Packed images that a data set and its parts have in common; freed when the last of them is disposed of. */
export class SharedPictures {
  readonly set: NativePackedSet
  readonly #jpegs: readonly Uint8Array[] | undefined
  #owners = 0

  /** @param jpegs the files themselves, if they are in memory and not all of what they gave is */
  constructor(set: NativePackedSet, jpegs: readonly Uint8Array[] | undefined) {
    this.set = set
    this.#jpegs = jpegs
  }

  /**
   * All names, made anew: as strings they take much more memory.
   *
   * @throws ModelError `DISPOSED`
   */
  names(): string[] {
    return lift(this.set.names())
  }

  /** The images of these numbers, or views of them; see {@link Dataset.batch}. */
  async batch(numbers: Uint32Array, view?: BindingView): Promise<NativeJpegSet> {
    const jpegs = this.#jpegs ? Array.from(numbers, number => this.#jpegs?.[number] ?? new Uint8Array()) : []
    return lift(await this.set.batch(numbers, jpegs, view))
  }

  /** Counts one more owner. */
  retain(): this {
    this.#owners += 1
    return this
  }

  /** Counts one owner less. */
  release(): void {
    this.#owners -= 1
    if (this.#owners === 0) this.set.dispose()
  }
}
