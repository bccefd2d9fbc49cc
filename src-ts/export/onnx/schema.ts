/** The format of ONNX files, as far as a residual network needs it. */
import type protobuf from 'protobufjs'

/** The part of the format's schema that is written: a field left out is one that is not used. */
const SCHEMA = `
syntax = "proto3";
package onnx;

message ModelProto {
  int64 ir_version = 1;
  string producer_name = 2;
  string producer_version = 3;
  GraphProto graph = 7;
  repeated OperatorSetIdProto opset_import = 8;
  repeated StringStringEntryProto metadata_props = 14;
}
message StringStringEntryProto {
  string key = 1;
  string value = 2;
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

/** Types of values. */
export const FLOAT = 1
export const INT64 = 7

/** One operation. */
export interface OnnxNode {
  input: string[]
  output: string[]
  name: string
  op_type: string
  attribute: OnnxAttribute[]
}

/** An option of an operation. */
export type OnnxAttribute = { name: string } & (
  { type: 1; f: number } | { type: 2; i: number } | { type: 7; ints: number[] }
)

/** A constant. */
export interface OnnxTensor {
  name: string
  dims: number[]
  data_type: number
  raw_data: Uint8Array
}

/** A model as a file's bytes. The library is loaded with the first. */
export async function encoded(model: object): Promise<Uint8Array> {
  modelType ??= (await import('protobufjs')).default
    .parse(SCHEMA, { keepCase: true })
    .root.lookupType('onnx.ModelProto')
  const { buffer, byteOffset, length } = modelType.encode(modelType.fromObject(model)).finish()
  // A Buffer in Node, which has methods of its own.
  return new Uint8Array(buffer, byteOffset, length)
}

let modelType: protobuf.Type | undefined
