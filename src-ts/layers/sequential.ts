import { checked } from '../options.js'
import { frozen } from './freeze.js'
import { named, sequentialSchema, type Layers, type SequentialLayer } from './layer.js'

/**
 * Layers one after the other.
 *
 * @param layers a record whose keys name the layers, or a list that numbers them from 0, as PyTorch's `Sequential`
 * @throws ModelError `INVALID_OPTION`
 */
export function sequential(layers: Layers): SequentialLayer {
  return frozen(checked(sequentialSchema, { type: 'sequential', layers: named(layers, 'sequential') }, 'sequential'))
}
