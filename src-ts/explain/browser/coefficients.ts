/** The coefficients of the file, block by block, and what φ keeps of them. */

class Coefficients {
  #plane!: Plane
  #quantised!: Int16Array
  #steps: readonly number[] = []
  #whole: Float32Array = new Float32Array()
  #name = ''
  #block = 0
  #frequencies = ALL
  readonly #picker = new BlockPicker(byId('plane-stage'), block => {
    this.#block = block
    this.#showBlock()
  })

  constructor(readonly components: readonly ComponentData[]) {
    const select = byId<HTMLSelectElement>('component')
    select.addEventListener('change', () => this.#choose(Number(select.value)))
    byId('dequantised').addEventListener('change', () => this.#showBlock())
  }

  /** Draws all for φ. */
  show(frequencies: number): void {
    this.#frequencies = frequencies
    if (this.#name === '') this.#choose(0)
    else this.#showAll()
  }

  #choose(index: number): void {
    const component = this.components[index]!
    this.#plane = componentPlane(component)
    this.#quantised = whole16(component.values)
    this.#steps = component.steps
    this.#name = component.name
    this.#whole = planePixels(this.#plane, ALL)
    drawGrey(byId('plane'), this.#plane, this.#whole)
    this.#picker.show(this.#plane)
    this.#showAll()
  }

  #showAll(): void {
    this.#showBlock()
    this.#showKept()
  }

  #showBlock(): void {
    const first = BLOCK * this.#block
    const own = this.#quantised.subarray(first, first + BLOCK)
    const times = byId<HTMLInputElement>('dequantised').checked
    const rows = Array.from({ length: SIDE }, (_, vertical) => {
      const row = document.createElement('tr')
      for (let horizontal = 0; horizontal < SIDE; horizontal++) {
        const at = SIDE * vertical + horizontal
        const cell = row.insertCell()
        const value = own[at]! * (times ? this.#steps[at]! : 1)
        cell.textContent = String(value)
        cell.classList.toggle('zero', value === 0)
        cell.classList.toggle('dropped', vertical + horizontal >= this.#frequencies)
        cell.title = `α = ${vertical}, β = ${horizontal}: ${own[at]} times step ${this.#steps[at]}`
      }
      return row
    })
    byId('block').replaceChildren(...rows)
    const nonZeros = own.filter(value => value !== 0).length
    const [row, column] = [Math.floor(this.#block / this.#plane.wide), this.#block % this.#plane.wide]
    byId('block-name').textContent =
      `${this.#name}, block in row ${row + 1}, column ${column + 1}: ${nonZeros} of 64 are not zero`
    const size = { height: SIDE, width: SIDE }
    drawGrey(byId('block-whole'), size, blockPixels(this.#plane.values, first, ALL))
    drawGrey(byId('block-kept'), size, blockPixels(this.#plane.values, first, this.#frequencies))
  }

  #showKept(): void {
    const kept = planePixels(this.#plane, this.#frequencies)
    drawGrey(byId('kept'), this.#plane, kept)
    drawGrey(
      byId('lost'),
      this.#plane,
      this.#whole.map((value, at) => value - kept[at]!),
    )
    let [nonZeros, nonZerosKept, energy, energyKept] = [0, 0, 0, 0]
    this.#plane.values.forEach((value, at) => {
      if (value === 0) return
      const isKept = ((at >> 3) & 7) + (at & 7) < this.#frequencies
      nonZeros += 1
      energy += value * value
      if (isKept) {
        nonZerosKept += 1
        energyKept += value * value
      }
    })
    const count = Array.from({ length: BLOCK }, (_, at) => (at >> 3) + (at & 7)).filter(sum => sum < this.#frequencies)
    const share = (part: number, all: number) => (all > 0 ? `${((100 * part) / all).toFixed(1)} %` : 'none')
    facts(byId('kept-facts'), [
      ['coefficients of a block', `${count.length} of 64`],
      ['of those that are not zero', share(nonZerosKept, nonZeros)],
      ['of their energy', share(energyKept, energy)],
      ['error of a pixel, root of the mean square', `${rootMeanSquare(this.#whole, kept).toFixed(2)} grey levels`],
    ])
  }
}

/** Fills a table of names and values. */
function facts(table: HTMLElement, rows: readonly (readonly [string, string])[]): void {
  table.replaceChildren(
    ...rows.map(([name, value]) => {
      const row = document.createElement('tr')
      const head = row.appendChild(document.createElement('th'))
      head.scope = 'row'
      head.textContent = name
      row.insertCell().textContent = value
      return row
    }),
  )
}
