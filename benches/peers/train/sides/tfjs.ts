import type { OpenTrainSide } from './side.js'
export const open: OpenTrainSide = async () => {
  throw new Error('not yet')
}
