/** Names of the contenders; `jpegnet-band-φ` are this package with feature maps that keep only their frequencies α + β < φ. */
export const SIDES = [
  'jpegnet',
  'jpegnet-band-8',
  'jpegnet-band-6',
  'onnxruntime-node',
  'onnxruntime-web',
  'tfjs-wasm',
] as const
export type SideName = (typeof SIDES)[number]
