/** Codes of all errors. */
export type ModelErrorCode =
  | 'INVALID_DEFINITION'
  | 'SHAPE_MISMATCH'
  | 'INVALID_OPTION'
  | 'EMPTY_FILE'
  | 'NOT_JPEG'
  | 'TRUNCATED_JPEG'
  | 'CORRUPT_JPEG'
  | 'UNSUPPORTED_JPEG'
  | 'JPEG_TOO_LARGE'
  | 'NOT_LOSSLESS'
  | 'INVALID_COEFFICIENTS'
  | 'FILE_NOT_FOUND'
  | 'FILE_UNREADABLE'
  | 'FILE_CHANGED'
  | 'SIZE_MISMATCH'
  | 'NOT_FINITE'
  | 'OUT_OF_MEMORY'
  | 'INVALID_WEIGHTS'
  | 'INVALID_CHECKPOINT'
  | 'WRITE_FAILED'
  | 'NO_CLASSES'
  | 'LABELS_MISMATCH'
  | 'ABORTED'
  | 'DISPOSED'
  | 'BUSY'
  | 'NO_ADDON'
  | 'INTERNAL'

/** Details of a {@link ModelError}. */
export interface ModelErrorDetails {
  /** The layer, option, tensor or file. */
  path?: string | undefined
  /** What would have been valid. */
  expected?: string | undefined
  /** What was found instead. */
  found?: string | undefined
  cause?: unknown
}

/** The error class of this package. Its message is one sentence that says where the error is, what was expected, and what was found. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly code: ModelErrorCode
  readonly path: string | undefined
  readonly expected: string | undefined
  readonly found: string | undefined

  constructor(code: ModelErrorCode, message: string, details: ModelErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.path = details.path
    this.expected = details.expected
    this.found = details.found
  }
}

/** The usual form of a {@link ModelError}: `path: expected …, found …`. */
export function mismatch(code: ModelErrorCode, path: string, expected: string, found: string): ModelError {
  return new ModelError(code, `${path}: expected ${expected}, found ${found}`, { path, expected, found })
}
