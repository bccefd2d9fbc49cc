/** A model's spatial twin as an ONNX file: the same network on pixels, with the same weights. */
import { mismatch } from '../../errors.js'
import type { Breakpoint, Graph, GraphNode } from '../../model/graph.js'
import type { Tensor } from '../../weights/safetensors.js'
import { encoded, FLOAT, INT64, type OnnxAttribute, type OnnxNode, type OnnxTensor } from './schema.js'

/** Of the format: the operators used here have been the same since this version of the operator set. */
const OPSET = 17
/** Of the format: the file's layout that came with that operator set. */
const IR_VERSION = 8

/** Names of the file's one input, normalised pixels `[N, channels, height, width]`, and one output, logits `[N, classes]`. */
export const INPUT = 'pixels'
export const OUTPUT = 'logits'

/** What goes into a file beside the network. */
export interface TwinOptions {
  /** Whether red, green and blue are given in 0…255 (`pixels`) or normalised as the network reads them (`normalised`). */
  input: 'pixels' | 'normalised'
  /** What the file says of itself. */
  metadata: Readonly<Record<string, string>>
  version: string
}

/**
 * The spatial twin as an ONNX file: `conv2d` as Conv, `batchNorm` as BatchNormalization with the running statistics, activations as Relu,
 * LeakyRelu and Clip, `subsample` as Slice and Pad.
 *
 * @param tensors all of the model's, as `model.parameters()` gives them
 * @throws ModelError `INVALID_OPTION` if the network is band-limited or approximated and so has no twin
 */
export async function onnxFile(
  graph: Graph,
  tensors: readonly Tensor[],
  { input, metadata, version }: TwinOptions,
): Promise<Uint8Array> {
  if (graph.band !== undefined && graph.band < 15) {
    throw mismatch('INVALID_OPTION', 'exportOnnx.mode', ALL_FREQUENCIES, `a band of ${graph.band}`)
  }
  const writer = new GraphWriter(graph, tensors, input === 'pixels')
  const dimension = (size: number | string) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size })
  const value = (name: string, sizes: (number | string)[]) => ({
    name,
    type: { tensor_type: { elem_type: FLOAT, shape: { dim: sizes.map(dimension) } } },
  })
  const { channels, height, width } = graph.input
  return encoded({
    ir_version: IR_VERSION,
    producer_name: 'jpegnet',
    producer_version: version,
    opset_import: [{ domain: '', version: OPSET }],
    metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name: 'twin',
      node: writer.nodes,
      initializer: writer.initializers,
      input: [value(INPUT, ['N', channels, height, width])],
      output: [value(OUTPUT, writer.outputShape)],
    },
  })
}

const ALL_FREQUENCIES = "'exact', because no network on pixels computes the same otherwise"

/** Writes nodes one after the other. */
class GraphWriter {
  readonly nodes: OnnxNode[] = []
  readonly initializers: OnnxTensor[] = []
  /** Lengths of the last node's axes; those that depend on the input by name. */
  readonly outputShape: (number | string)[]
  readonly #tensors: Map<string, Tensor>
  /** The channels of every value, by its number. */
  readonly #channels: number[]

  /** What the first nodes read. */
  readonly #input: string

  constructor({ input, nodes }: Graph, tensors: readonly Tensor[], normalises: boolean) {
    this.#tensors = new Map(tensors.map(tensor => [tensor.name, tensor]))
    this.#channels = [input.channels]
    this.#input = normalises ? this.#normalise(input) : INPUT
    nodes.forEach((node, index) => {
      const output = index === nodes.length - 1 ? OUTPUT : `value${index + 1}`
      this.#channels.push(this.#write(node, output))
    })
    const last = nodes.at(-1)?.operation.type
    const isMap = last !== 'linear' && last !== 'globalAveragePool'
    this.outputShape = ['N', this.#channels.at(-1) as number, ...(isMap ? ['height', 'width'] : [])]
  }

  /** Writes what a node computes; the channels of its output. */
  #write({ path, inputs, operation }: GraphNode, output: string): number {
    const from = inputs.map(number => (number === 0 ? this.#input : `value${number}`))
    const channels = this.#channels[inputs[0] as number] as number
    const node = (op_type: string, input: string[], attribute: OnnxAttribute[] = []) => {
      this.nodes.push({ input, output: [output], name: path, op_type, attribute })
    }
    switch (operation.type) {
      case 'conv2d': {
        const { size, stride, padding } = operation
        node(
          'Conv',
          [...from, this.#parameter(path, 'weight'), ...(operation.bias ? [this.#parameter(path, 'bias')] : [])],
          [ints('kernel_shape', [size, size]), ints('strides', [stride, stride]), ints('pads', Array(4).fill(padding))],
        )
        return operation.channels
      }
      case 'batchNorm': {
        const parameters = ['weight', 'bias', 'running_mean', 'running_var'].map(name => this.#parameter(path, name))
        node('BatchNormalization', [...from, ...parameters], [float('epsilon', operation.epsilon)])
        return channels
      }
      case 'piecewiseLinear': {
        if (operation.masking !== 'exact') {
          const found = `${path} masked by ${operation.masking.toUpperCase()}`
          throw mismatch('INVALID_OPTION', 'exportOnnx.mode', ALL_FREQUENCIES, found)
        }
        this.#nonlinearity(path, operation, from, output)
        return channels
      }
      case 'add':
        node(from.length === 2 ? 'Add' : 'Sum', from)
        return channels
      case 'maxPool': {
        const { size, stride, padding } = operation
        const square = [ints('kernel_shape', [size, size]), ints('strides', [stride, stride])]
        const ceil = operation.ceil ? [int('ceil_mode', 1)] : []
        node('MaxPool', from, [...square, ints('pads', Array(4).fill(padding)), ...ceil])
        return channels
      }
      case 'averagePool': {
        const { size, stride, padding, countsPadding } = operation
        const square = [ints('kernel_shape', [size, size]), ints('strides', [stride, stride])]
        const counting = int('count_include_pad', Number(countsPadding))
        node('AveragePool', from, [...square, ints('pads', Array(4).fill(padding)), counting])
        return channels
      }
      case 'subsample': {
        const { stride } = operation
        const before = Math.floor((operation.channels - channels) / 2)
        const after = operation.channels - channels - before
        const kept = `${output}.kept`
        this.nodes.push({
          input: [
            ...from,
            this.#integers(`${path}.starts`, [0, 0]),
            this.#integers(`${path}.ends`, [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]),
            this.#integers(`${path}.axes`, [2, 3]),
            this.#integers(`${path}.steps`, [stride, stride]),
          ],
          output: [kept],
          name: `${path}.kept`,
          op_type: 'Slice',
          attribute: [],
        })
        node('Pad', [kept, this.#integers(`${path}.pads`, [0, before, 0, 0, 0, after, 0, 0])])
        return operation.channels
      }
      case 'globalAveragePool': {
        const pooled = `${output}.pooled`
        this.nodes.push({
          input: from,
          output: [pooled],
          name: `${path}.pooled`,
          op_type: 'GlobalAveragePool',
          attribute: [],
        })
        node('Flatten', [pooled])
        return channels
      }
      case 'linear': {
        const parameters = operation.bias ? ['weight', 'bias'] : ['weight']
        node('Gemm', [...from, ...parameters.map(name => this.#parameter(path, name))], [int('transB', 1)])
        return operation.features
      }
    }
  }

  /** `(x − mean) / deviation` of pixels in 0…255. */
  #normalise({ channels, mean, std }: Graph['input']): string {
    const each = (name: string, values: readonly number[]) =>
      this.#constant(name, [1, channels, 1, 1], FLOAT, bytesOf(Float32Array.from(values, value => 255 * value)))
    const [centred, normalised] = ['input.centred', 'input.normalised']
    const node = (op_type: string, input: string[], output: string) =>
      this.nodes.push({ input, output: [output], name: output, op_type, attribute: [] })
    node('Sub', [INPUT, each('input.mean', mean)], centred)
    node('Div', [centred, each('input.std', std)], normalised)
    return normalised
  }

  #nonlinearity(path: string, { slope, intercept, breakpoints }: Pieces, input: string[], output: string): void {
    const node = (op_type: string, more: string[] = [], attribute: OnnxAttribute[] = []) => {
      this.nodes.push({ input: [...input, ...more], output: [output], name: path, op_type, attribute })
    }
    const [first, second] = breakpoints
    if (
      first?.at === 0 &&
      first.interceptChange === 0 &&
      !second &&
      intercept === 0 &&
      slope + first.slopeChange === 1
    ) {
      if (slope === 0) node('Relu')
      else node('LeakyRelu', [], [float('alpha', slope)])
      return
    }
    if (
      first &&
      second &&
      breakpoints.length === 2 &&
      slope === 0 &&
      first.slopeChange === 1 &&
      second.slopeChange === -1
    ) {
      const bounds = [first, second].map(({ at }, index) => this.#scalar(`${path}.${index === 0 ? 'low' : 'high'}`, at))
      return node('Clip', bounds)
    }
    // No layer of this package is another.
    throw mismatch('INTERNAL', path, 'a ReLU, leaky ReLU or clip', 'another piecewise-linear function')
  }

  /** Adds one of the model's tensors; its name. */
  #parameter(path: string, kind: string): string {
    const name = `${path}.${kind}`
    const tensor = this.#tensors.get(name)
    if (!tensor) throw mismatch('INTERNAL', name, 'a tensor of that name', 'none')
    return this.#constant(name, tensor.shape, FLOAT, bytesOf(tensor.values))
  }

  #integers(name: string, values: number[]): string {
    return this.#constant(name, [values.length], INT64, bytesOf(BigInt64Array.from(values, BigInt)))
  }

  #scalar(name: string, value: number): string {
    return this.#constant(name, [], FLOAT, bytesOf(Float32Array.of(value)))
  }

  #constant(name: string, dims: number[], data_type: number, raw_data: Uint8Array): string {
    this.initializers.push({ name, dims, data_type, raw_data })
    return name
  }
}

interface Pieces {
  slope: number
  intercept: number
  breakpoints: Breakpoint[]
}

function float(name: string, f: number): OnnxAttribute {
  return { name, type: 1, f }
}

function int(name: string, i: number): OnnxAttribute {
  return { name, type: 2, i }
}

function ints(name: string, values: number[]): OnnxAttribute {
  return { name, type: 7, ints: values }
}

/** The format stores numbers in little-endian order, as every machine that the package runs on does. */
function bytesOf(values: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
