import { mismatch } from '../errors.js'
import { checked, checkedObject, shown } from '../options.js'
import { frozen } from './freeze.js'
import { addSchema, named, type AddLayer, type Layers } from './layer.js'

/** Options of {@link add}. */
export interface AddOptions {
  /** Two or more branches of the same input; one without layers is the input itself. */
  branches: readonly Layers[]
  /** Layers after the sum. */
  then?: Layers | undefined
}

/** Options of {@link residual}. */
export interface ResidualOptions {
  /** Layers of the residual branch. */
  body: Layers
  /** The other branch; the input itself by default. */
  shortcut?: Layers | undefined
  /** Layers after the sum: usually one activation. */
  activation?: Layers | undefined
}

/**
 * The sum of several branches with the same input. The names of layers must be unique over all branches, because they share this layer's
 * path.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function add(options: AddOptions): AddLayer {
  const { branches, then = [] } = checkedObject(options, 'add')
  if (!Array.isArray(branches)) throw mismatch('INVALID_OPTION', 'add.branches', 'a list of branches', shown(branches))
  const lists = (branches as readonly Layers[]).map((branch, index) => named(branch, `add.branches.${index}`))
  const empty = lists.filter(list => list.length === 0).length
  if (empty > 1) throw mismatch('INVALID_OPTION', 'add.branches', 'at most one without layers', `${empty}`)
  return frozen(checked(addSchema, { type: 'add', branches: lists, then: named(then, 'add.then') }, 'add'))
}

/**
 * A residual block: `activation(body(x) + shortcut(x))`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function residual(options: ResidualOptions): AddLayer {
  const { body, shortcut = [], activation = [] } = checkedObject(options, 'residual')
  const branches = [named(body, 'residual.body'), named(shortcut, 'residual.shortcut')]
  if (branches[0]?.length === 0) throw mismatch('INVALID_OPTION', 'residual.body', 'at least one layer', 'none')
  const then = named(activation, 'residual.activation')
  return frozen(checked(addSchema, { type: 'add', branches, then }, 'residual'))
}
