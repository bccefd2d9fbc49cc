/** What ReLU makes of a map, exactly and with masks from few frequencies. */

class Masks {
  #plane!: Plane
  #block = 0
  #frequencies = ALL
  #layer!: LayerData
  readonly #relu = byId<HTMLSelectElement>('relu')
  readonly #channel = byId<HTMLSelectElement>('channel')
  readonly #picker = new BlockPicker(byId('relu-stage'), block => {
    this.#block = block
    this.#showErrors()
  })

  constructor(readonly data: PageData) {
    this.#relu.addEventListener('change', () => this.#chooseRelu())
    this.#channel.addEventListener('change', () => this.#chooseChannel())
  }

  /** Draws all for φ. */
  show(frequencies: number): void {
    this.#frequencies = frequencies
    if (this.#layer) this.#showAll()
    else this.#chooseRelu()
  }

  #chooseRelu(): void {
    const { input } = this.data.relus[Number(this.#relu.value)]!
    this.#layer = this.data.layers[input]!
    const { channels, shape } = this.#layer
    this.#channel.replaceChildren(...channels.map((channel, shown) => new Option(String(channel), String(shown))))
    byId('channels-shown').textContent =
      channels.length < shape[0]! ? `${channels.length} of ${shape[0]} channels, those that vary most` : ''
    this.#chooseChannel()
  }

  #chooseChannel(): void {
    this.#plane = layerPlane(this.#layer, Number(this.#channel.value))
    this.#picker.show(this.#plane)
    this.#showAll()
  }

  /** Pixels of the map, of its low frequencies, and of what comes out in each way. */
  #maps() {
    const [whole, low] = [planePixels(this.#plane, ALL), planePixels(this.#plane, this.#frequencies)]
    const exact = whole.map(value => Math.max(0, value))
    const asm = whole.map((value, at) => (low[at]! > 0 ? value : 0))
    const apx = low.map(value => Math.max(0, value))
    return { whole, low, exact, asm, apx }
  }

  #showAll(): void {
    const { whole, low, exact, asm, apx } = this.#maps()
    const { positive, none, wrong } = colours()
    const size = this.#plane
    const largest = largestOf(whole)
    drawSigned(byId('relu-input'), size, whole, largest)
    draw(byId('mask-exact'), size, at => (whole[at]! > 0 ? positive : none))
    draw(byId('mask-phi'), size, at => (low[at]! > 0 ? positive : none))
    draw(byId('mask-wrong'), size, at => (whole[at]! > 0 === low[at]! > 0 ? none : wrong))
    drawSigned(byId('relu-exact'), size, exact, largest)
    drawSigned(byId('relu-asm'), size, asm, largest)
    drawSigned(byId('relu-apx'), size, apx, largest)
    this.#showErrors()
  }

  #showErrors(): void {
    const { whole, low, exact, asm, apx } = this.#maps()
    const { width, height, wide } = this.#plane
    const [row, column] = [Math.floor(this.#block / wide), this.#block % wide]
    const inBlock = (pixels: Float32Array) =>
      pixels.filter((_, at) => at < height * width && (at / width) >> 3 === row && (at % width) >> 3 === column)
    const line = (name: string, part: (pixels: Float32Array) => Float32Array) => {
      const signs = part(low).map((value, at) => Number(value > 0 !== part(whole)[at]! > 0))
      const share = signs.reduce((sum, one) => sum + one, 0) / signs.length
      const error = (of: Float32Array) => rootMeanSquare(part(exact), part(of)).toPrecision(3)
      return [name, `${(100 * share).toFixed(1)} %`, error(asm), error(apx)]
    }
    const table = byId('relu-errors')
    const cells = (values: readonly string[], tag: 'th' | 'td') => {
      const row = document.createElement('tr')
      values.forEach((value, index) => {
        const cell = row.appendChild(document.createElement(tag))
        cell.textContent = value
        if (index === 0) cell.className = 'text'
      })
      return row
    }
    table.replaceChildren(
      cells(['', 'wrong signs', 'error of ASM', 'error of APX'], 'th'),
      cells(
        line('the channel', pixels => pixels),
        'td',
      ),
      cells(line(`block in row ${row + 1}, column ${column + 1}`, inBlock), 'td'),
    )
  }
}
