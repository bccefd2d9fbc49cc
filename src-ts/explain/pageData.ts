/** What the script of an explanation is given; apart from what gathers it, because browsers have other types. */

/** What the page's script is given, as JSON. */
export interface PageData {
  /** The file's components. */
  components: ComponentData[]
  /** The network's input and its layers, in order. */
  layers: LayerData[]
  /** Numbers of the layers that are a ReLU's input, with the ReLU's path. */
  relus: { path: string; input: number }[]
}

/** A component of the file. */
export interface ComponentData {
  name: string
  /** True size in samples; the rest of the last blocks is no part of it. */
  height: number
  width: number
  high: number
  wide: number
  /** Quantisation steps, row-major. */
  steps: number[]
  /** Quantised coefficients `[high, wide, 8, 8]`, 16-bit whole numbers of the lower byte first, in base64. */
  values: string
}

/** What a layer gives. */
export interface LayerData {
  path: string
  operation: string
  /** `[channels, height, width]` in pixels, or `[features]`. */
  shape: readonly number[]
  /** Share of the energy at each α + β, 0…14; nothing for features. */
  energy: number[]
  /** The channels that are shown. */
  channels: number[]
  /** Of each of these, what a unit of its values stands for. */
  scales: number[]
  /** Their coefficients `[channels, high, wide, 8, 8]`, or features, in these units; as in {@link ComponentData}. */
  values: string
}
