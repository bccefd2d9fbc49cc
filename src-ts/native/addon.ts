/** The addon, and the two functions that lower to it and lift from it. */
import type * as Binding from '#binding'
import { ModelError, type ModelErrorCode } from '../errors.js'
import { binding } from './load.js'

export type {
  BindingCoefficients,
  BindingJpegDescription,
  BindingLoadReport,
  BindingMode,
  BindingNode,
  BindingReadOptions,
  BindingStepOptions,
  BindingTensor,
  BindingView,
} from '#binding'

export type FileLock = Binding.FileLock
export type NativeJpegSet = Binding.JpegSet
export type NativeNetwork = Binding.Network
export type NativePackedSet = Binding.PackedSet
export type WholeFile = Binding.WholeFile
export const { FileLock, JpegSet: NativeJpegSet, Network: NativeNetwork, PackedSet: NativePackedSet } = binding
export const { WholeFile } = binding

/**
 * The value of a verb that answered with a value or with a failure.
 *
 * @throws ModelError for a failure
 */
export function lift<T>(outcome: T | Binding.BindingFailure): T {
  if (isFailure(outcome)) throw asError(outcome)
  return outcome
}

function isFailure(outcome: unknown): outcome is Binding.BindingFailure {
  return typeof outcome === 'object' && outcome !== null && 'code' in outcome && 'message' in outcome
}

/** A failure reported beside values, as an error. */
export function asError(failure: Binding.BindingFailure): ModelError {
  const { code, message, path, expected, found } = failure
  return new ModelError(code as ModelErrorCode, message, { path, expected, found })
}

export const { permutation, readSafetensors, writeSafetensors, runtimeInfo, writeFile } = binding
export const { rectifiedBlocks } = binding
export const { readCoefficientsFile, transformCoefficients, writeCoefficientsFile, writeJpeg } = binding
