/** A model's spatial twin as an ONNX file: the same network on pixels, with the same weights. */
import protobuf from 'protobufjs'
import type { Breakpoint, Graph, GraphNode } from '../../dist/model/graph.js'
import type { Tensor } from '../../dist/index.js'

/** Of the format: the operators used here have been the same since this version of the operator set. */
const OPSET = 17
/** Of the format: the file's layout that came with that operator set. */
const IR_VERSION = 8

/** Names of the file's one input, normalised pixels `[N, channels, height, width]`, and one output, logits `[N, classes]`. */
export const INPUT = 'pixels'
export const OUTPUT = 'logits'

/** The part of the format's schema that is written: a field left out is one that is not used. */
const SCHEMA = `
syntax = "proto3";
package onnx;

message ModelProto {
  int64 ir_version = 1;
  string producer_name = 2;
  GraphProto graph = 7;
  repeated OperatorSetIdProto opset_import = 8;
}
message OperatorSetIdProto {
  string domain = 1;
  int64 version = 2;
}
message GraphProto {
  repeated NodeProto node = 1;
  string name = 2;
  repeated TensorProto initializer = 5;
  repeated ValueInfoProto input = 11;
  repeated ValueInfoProto output = 12;
}
message NodeProto {
  repeated string input = 1;
  repeated string output = 2;
  string name = 3;
  string op_type = 4;
  repeated AttributeProto attribute = 5;
}
message AttributeProto {
  enum AttributeType {
    UNDEFINED = 0;
    FLOAT = 1;
    INT = 2;
    INTS = 7;
  }
  string name = 1;
  float f = 2;
  int64 i = 3;
  repeated int64 ints = 8;
  AttributeType type = 20;
}
message TensorProto {
  repeated int64 dims = 1;
  int32 data_type = 2;
  string name = 8;
  bytes raw_data = 9;
}
message ValueInfoProto {
  string name = 1;
  TypeProto type = 2;
}
message TypeProto {
  message Tensor {
    int32 elem_type = 1;
    TensorShapeProto shape = 2;
  }
  Tensor tensor_type = 1;
}
message TensorShapeProto {
  message Dimension {
    int64 dim_value = 1;
    string dim_param = 2;
  }
  repeated Dimension dim = 1;
}
`

const FLOAT = 1
const INT64 = 7

const ModelProto = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('onnx.ModelProto')

interface OnnxNode {
  input: string[]
  output: string[]
  name: string
  op_type: string
  attribute: OnnxAttribute[]
}

type OnnxAttribute = { name: string } & ({ type: 1; f: number } | { type: 2; i: number } | { type: 7; ints: number[] })

interface OnnxTensor {
  name: string
  dims: number[]
  data_type: number
  raw_data: Uint8Array
}

/**
 * The spatial twin as an ONNX file: `conv2d` as Conv, `batchNorm` as BatchNormalization with the running statistics,
 * nonlinearities as Relu, LeakyRelu and Clip, `subsample` as Slice and Pad.
 *
 * @param tensors all of the model's, as `model.parameters()` gives them
 * @throws Error if a tensor is missing, or the network is band-limited or approximated and so has no twin
 */
export function onnxFile(graph: Graph, tensors: readonly Tensor[]): Uint8Array {
  if (graph.band !== undefined && graph.band < 15) {
    throw new Error(`the model: expected all frequencies, found ${graph.band}, with which it has no spatial twin`)
  }
  const writer = new GraphWriter(graph, tensors)
  const dimension = (size: number | string) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size })
  const value = (name: string, sizes: (number | string)[]) => ({
    name,
    type: { tensor_type: { elem_type: FLOAT, shape: { dim: sizes.map(dimension) } } },
  })
  const { channels, height, width } = graph.input
  const model = {
    ir_version: IR_VERSION,
    producer_name: 'jpegnet',
    opset_import: [{ domain: '', version: OPSET }],
    graph: {
      name: 'twin',
      node: writer.nodes,
      initializer: writer.initializers,
      input: [value(INPUT, ['N', channels, height, width])],
      output: [value(OUTPUT, writer.outputShape)],
    },
  }
  return ModelProto.encode(ModelProto.fromObject(model)).finish()
}

/** Writes nodes one after the other. */
class GraphWriter {
  readonly nodes: OnnxNode[] = []
  readonly initializers: OnnxTensor[] = []
  /** Lengths of the last node's axes; those that depend on the input by name. */
  readonly outputShape: (number | string)[]
  readonly #tensors: Map<string, Tensor>
  /** The channels of every value, by its number. */
  readonly #channels: number[]

  constructor({ input, nodes }: Graph, tensors: readonly Tensor[]) {
    this.#tensors = new Map(tensors.map(tensor => [tensor.name, tensor]))
    this.#channels = [input.channels]
    nodes.forEach((node, index) => {
      const output = index === nodes.length - 1 ? OUTPUT : valueName(index + 1)
      this.#channels.push(this.#write(node, output))
    })
    const last = nodes.at(-1)?.operation.type
    const isMap = last !== 'linear' && last !== 'globalAveragePool'
    this.outputShape = ['N', this.#channels.at(-1) as number, ...(isMap ? ['height', 'width'] : [])]
  }

  /** Writes what a node computes; the channels of its output. */
  #write({ path, inputs, operation }: GraphNode, output: string): number {
    const from = inputs.map(valueName)
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
          throw new Error(
            `${path}: expected an exact nonlinearity, found ${operation.masking}, which has no spatial twin`,
          )
        }
        this.#nonlinearity(path, operation, from, output)
        return channels
      }
      case 'add':
        node('Add', from)
        return channels
      case 'maxPool': {
        const { size, stride, padding } = operation
        const square = [ints('kernel_shape', [size, size]), ints('strides', [stride, stride])]
        node('MaxPool', from, [...square, ints('pads', Array(4).fill(padding))])
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
    throw new Error(`${path}: expected a ReLU, leaky ReLU or clip, found another piecewise linear function`)
  }

  /** Adds one of the model's tensors; its name. */
  #parameter(path: string, kind: string): string {
    const name = `${path}.${kind}`
    const tensor = this.#tensors.get(name)
    if (!tensor) throw new Error(`${name}: expected a tensor of that name, found none`)
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

function valueName(number: number): string {
  return number === 0 ? INPUT : `value${number}`
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
