/** The features of every layer, drawn when they come into sight. */

class Features {
  readonly #drawn = new Set<HTMLElement>()

  constructor(readonly layers: readonly LayerData[]) {
    const observer = new IntersectionObserver(
      entries => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue
          observer.unobserve(target)
          this.#show(target as HTMLElement)
        }
      },
      { rootMargin: '600px' },
    )
    document.querySelectorAll('.layer').forEach(element => observer.observe(element))
  }

  /** Draws those anew that were drawn in other colours. */
  redraw(): void {
    this.#drawn.forEach(element => this.#show(element))
  }

  #show(element: HTMLElement): void {
    this.#drawn.add(element)
    const layer = this.layers[Number(element.dataset['layer'])]!
    const maps = layer.shape.length === 3 ? this.#channels(layer) : [this.#vector(layer)]
    element.querySelector('.maps')!.replaceChildren(...maps)
  }

  #channels(layer: LayerData): Element[] {
    const canvases = layer.channels.map((channel, shown) => {
      const plane = layerPlane(layer, shown)
      const pixels = planePixels(plane, ALL)
      const canvas = document.createElement('canvas')
      canvas.setAttribute('role', 'img')
      canvas.setAttribute('aria-label', `${layer.path}, channel ${channel}`)
      canvas.title = `channel ${channel}, largest value ${largestOf(pixels).toPrecision(3)}`
      drawSigned(canvas, plane, pixels, largestOf(pixels))
      return canvas
    })
    return [...canvases, energyBars(layer.energy)]
  }

  /** Features as one row of pixels. */
  #vector({ path, values, scales }: LayerData): Element {
    const features = Float32Array.from(whole16(values), unit => unit * scales[0]!)
    const canvas = document.createElement('canvas')
    canvas.setAttribute('role', 'img')
    canvas.setAttribute('aria-label', `${path}, ${features.length} features`)
    canvas.title = `largest value ${largestOf(features).toPrecision(3)}`
    drawSigned(canvas, { height: 1, width: features.length }, features, largestOf(features))
    canvas.style.width = '100%'
    canvas.style.height = '1.2rem'
    return canvas
  }
}

/** The share of energy at each α + β. */
function energyBars(energy: readonly number[]): SVGElement {
  const name = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(name, 'svg')
  svg.setAttribute('viewBox', '0 0 75 45')
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', `energy by frequency: ${energy.map(share => (100 * share).toFixed(0)).join(', ')} %`)
  energy.forEach((share, frequency) => {
    const bar = svg.appendChild(document.createElementNS(name, 'rect'))
    // Square roots, so that the high frequencies are seen.
    const height = Math.max(0.4, 44 * Math.sqrt(share))
    bar.setAttribute('x', String(5 * frequency))
    bar.setAttribute('width', '4')
    bar.setAttribute('y', String(45 - height))
    bar.setAttribute('height', String(height))
    const title = bar.appendChild(document.createElementNS(name, 'title'))
    title.textContent = `α + β = ${frequency}: ${(100 * share).toFixed(2)} %`
  })
  return svg
}
