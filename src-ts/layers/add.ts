import { checked } from '../options.js'
import { frozen } from './freeze.js'
import { addSchema, named, type AddLayer, type Layers } from './layer.js'

/** Options of {@link add}. */
export interface AddOptions {
  /** Two or more branches of the same input; an empty one is the input itself. */
  branches: readonly Layers[]
  /** Layers after the sum. */
  then?: Layers | undefined
}

/** Options of {@link residual}. */
export interface ResidualOptions {
  /** The branch that learns the residual. */
  body: Layers
  /** The other branch; the input itself unless given. */
  shortcut?: Layers | undefined
  /** Layers after the sum: usually one nonlinearity. */
  activation?: Layers | undefined
}

/**
 * The sum of several branches of one input. Names must differ over all branches: they share this layer's path.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function add({ branches, then = [] }: AddOptions): AddLayer {
  const layer = { type: 'add', branches: branches.map(named), then: named(then) }
  return frozen(checked(addSchema, layer, 'add'))
}

/**
 * A residual block: `activation(body(x) + shortcut(x))`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function residual({ body, shortcut = [], activation = [] }: ResidualOptions): AddLayer {
  return add({ branches: [body, shortcut], then: activation })
}
