/** A block of an image that is picked by pointer or by arrow keys. */

class BlockPicker {
  #row = 0
  #column = 0
  #plane: Plane = { height: SIDE, width: SIDE, high: 1, wide: 1, values: new Float32Array() }
  readonly #cursor: HTMLElement
  readonly #lattice: HTMLElement

  constructor(
    stage: HTMLElement,
    /** Told the number of the block among the plane's. */
    readonly changed: (block: number) => void,
  ) {
    const overlay = (name: string) => {
      const element = stage.appendChild(document.createElement('div'))
      element.className = name
      return element
    }
    this.#lattice = overlay('lattice')
    this.#cursor = overlay('cursor')
    stage.addEventListener('click', event => {
      const { left, top, width, height } = stage.getBoundingClientRect()
      const { height: pixelsHigh, width: pixelsWide } = this.#plane
      const row = ((event.clientY - top) / height) * (pixelsHigh / SIDE)
      const column = ((event.clientX - left) / width) * (pixelsWide / SIDE)
      this.#move(Math.floor(row), Math.floor(column))
    })
    stage.addEventListener('keydown', event => {
      const steps: Record<string, [number, number]> = {
        ArrowUp: [-1, 0],
        ArrowDown: [1, 0],
        ArrowLeft: [0, -1],
        ArrowRight: [0, 1],
      }
      const [down, right] = steps[event.key] ?? [0, 0]
      if (down === 0 && right === 0) return
      // The page would scroll.
      event.preventDefault()
      this.#move(this.#row + down, this.#column + right)
    })
  }

  /** Begins anew on a plane, at the block that is about in its middle. */
  show(plane: Plane): void {
    this.#plane = plane
    // The last blocks may end beyond the edge.
    const { height, width } = plane
    this.#lattice.style.backgroundSize = `${(100 * SIDE) / width}% ${(100 * SIDE) / height}%`
    this.#move(Math.floor(height / SIDE / 2), Math.floor(width / SIDE / 2))
  }

  #move(row: number, column: number): void {
    const { height, width, wide } = this.#plane
    const within = (value: number, pixels: number) => Math.max(0, Math.min(Math.ceil(pixels / SIDE) - 1, value))
    this.#row = within(row, height)
    this.#column = within(column, width)
    const [top, left] = [SIDE * this.#row, SIDE * this.#column]
    Object.assign(this.#cursor.style, {
      top: `${(100 * top) / height}%`,
      left: `${(100 * left) / width}%`,
      height: `${(100 * Math.min(SIDE, height - top)) / height}%`,
      width: `${(100 * Math.min(SIDE, width - left)) / width}%`,
    })
    this.changed(this.#row * wide + this.#column)
  }
}
