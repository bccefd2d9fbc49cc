/** Pixels on canvases, in the page's colours. */

type Colour = readonly [number, number, number]

function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page has no ${id}`)
  return found as E
}

/** The page's own colours as they are now, in light or in dark. */
function colours(): Record<'positive' | 'negative' | 'none' | 'wrong', Colour> {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!
  const style = getComputedStyle(document.documentElement)
  const of = (name: string): Colour => {
    context.fillStyle = style.getPropertyValue(name).trim()
    context.fillRect(0, 0, 1, 1)
    const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data
    return [red, green, blue]
  }
  return { positive: of('--warm'), negative: of('--accent'), none: of('--card'), wrong: of('--wrong') }
}

/** Draws one colour a pixel. */
function draw(
  canvas: HTMLCanvasElement,
  { height, width }: { height: number; width: number },
  colourAt: (at: number) => Colour,
): void {
  canvas.width = width
  canvas.height = height
  const image = new ImageData(width, height)
  for (let at = 0; at < height * width; at++) {
    const [red, green, blue] = colourAt(at)
    image.data.set([red, green, blue, 255], 4 * at)
  }
  canvas.getContext('2d')!.putImageData(image, 0, 0)
}

/** Samples around 128, as grey levels. */
function drawGrey(canvas: HTMLCanvasElement, size: { height: number; width: number }, pixels: Float32Array): void {
  draw(canvas, size, at => {
    const grey = Math.max(0, Math.min(255, Math.round(pixels[at]! + 128)))
    return [grey, grey, grey]
  })
}

/** Values with their signs, of which the largest is drawn full. */
function drawSigned(
  canvas: HTMLCanvasElement,
  size: { height: number; width: number },
  pixels: Float32Array,
  largest: number,
): void {
  const { positive, negative, none } = colours()
  draw(canvas, size, at => {
    const value = pixels[at]!
    const share = largest > 0 ? Math.min(1, Math.abs(value) / largest) : 0
    return between(none, value > 0 ? positive : negative, share)
  })
}

function between(from: Colour, to: Colour, share: number): Colour {
  const part = (index: 0 | 1 | 2) => Math.round(from[index] + share * (to[index] - from[index]))
  return [part(0), part(1), part(2)]
}

function largestOf(pixels: Float32Array): number {
  return pixels.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

/** Root of the mean of squares of differences. */
function rootMeanSquare(a: Float32Array, b: Float32Array): number {
  let sum = 0
  a.forEach((value, at) => (sum += (value - b[at]!) ** 2))
  return Math.sqrt(sum / a.length)
}
