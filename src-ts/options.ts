/** Options checked by zod, with errors in the package's own words. */
import { inspect, types } from 'node:util'
import * as z from 'zod'
import { mismatch, type ModelError, type ModelErrorCode } from './errors.js'

/**
 * The value as the schema reads it (defaults filled in).
 *
 * @throws ModelError `INVALID_OPTION`, or another code, naming the option, what was expected and what was found
 */
export function checked<T>(
  schema: z.ZodType<T>,
  value: unknown,
  where: string,
  code: ModelErrorCode = 'INVALID_OPTION',
): T {
  const result = read(schema, value, where, code)
  if (result.success) return result.data
  const issue = innermost(result.error.issues[0])
  const path = [where, ...(issue?.path ?? []).map(String)].join('.')
  if (issue?.code === 'unrecognized_keys') {
    const key = String(issue.keys[0])
    const found = (issue.input as Record<string, unknown> | undefined)?.[key]
    throw mismatch(code, `${path}.${key}`, 'no option of that name', shown(found))
  }
  throw mismatch(code, path, expectation(issue), shown(issue?.input))
}

/** What the schema makes of a value, which may be one that cannot even be looked at. */
function read<T>(schema: z.ZodType<T>, value: unknown, where: string, code: ModelErrorCode) {
  try {
    return schema.safeParse(value, { reportInput: true })
  } catch {
    throw mismatch(code, where, 'a value of another kind', shown(value))
  }
}

/**
 * An object, whose entries may be anything.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function checkedObject<T extends object>(value: T, where: string, expected = 'an object of options'): T {
  if (typeof value === 'object' && value !== null) return value
  throw mismatch('INVALID_OPTION', where, expected, shown(value))
}

/**
 * A file's path.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function checkedPath(value: string, where: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw mismatch('INVALID_OPTION', where, 'a path', shown(value))
}

/** The error of a name that is none of these. */
export function unknownName(where: string, names: readonly string[], found: unknown): ModelError {
  const name = typeof found === 'string' && found !== '' ? found : shown(found)
  return mismatch('INVALID_OPTION', where, `one of ${names.join(', ')}`, name)
}

// Told by what they are rather than by their constructor, which is another one in a test runner's or vm's realm.
export const int16Array = z.custom<Int16Array>(types.isInt16Array, 'an Int16Array')
export const uint16Array = z.custom<Uint16Array>(types.isUint16Array, 'a Uint16Array')
export const float32Array = z.custom<Float32Array>(types.isFloat32Array, 'a Float32Array')
/** A function that is called back, of whatever type. */
export const aFunction = <T>() => z.custom<T>(value => typeof value === 'function', 'a function')
export const abortSignal = z.custom<AbortSignal>(
  value => typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value,
  'an AbortSignal',
)

/** Of a value that is none of several kinds, what is wrong inside it, if it is so clearly meant as one of them. */
function innermost(issue: z.core.$ZodIssue | undefined): z.core.$ZodIssue | undefined {
  if (issue?.code !== 'invalid_union') return issue
  const inside = issue.errors.map(([first]) => first).filter(first => first !== undefined && isInside(first))
  const [only] = inside
  return only && inside.length === 1 ? innermost({ ...only, path: [...issue.path, ...only.path] }) : issue
}

function isInside({ code, path }: z.core.$ZodIssue): boolean {
  return path.length > 0 || code === 'unrecognized_keys' || code === 'custom'
}

function expectation(issue: z.core.$ZodIssue | undefined): string {
  switch (issue?.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? article(issue.expected)
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `at least ${counted(issue.minimum, issue.origin)}`
        : `a number ${issue.inclusive ? 'of at least' : 'above'} ${issue.minimum}`
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `at most ${counted(issue.maximum, issue.origin)}`
        : `a number ${issue.inclusive ? 'of at most' : 'below'} ${issue.maximum}`
    case 'invalid_value':
      return issue.values.length === 1 ? shown(issue.values[0]) : `one of ${issue.values.map(String).join(', ')}`
    default:
      return issue?.message ?? 'another value'
  }
}

/** Types that zod calls otherwise than people do. */
const TYPES: Record<string, string> = { int: 'a whole number', number: 'a finite number' }

function counted(count: number | bigint, origin: string): string {
  const [one, many] = origin === 'array' ? ['entry', 'entries'] : ['character', 'characters']
  return `${count} ${Number(count) === 1 ? one : many}`
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'string') value = JSON.stringify(value)
  const text = typeof value === 'object' ? inspected(value) : String(value)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

function inspected(value: object | null): string {
  try {
    return inspect(value, { depth: 1, compact: true, breakLength: Infinity, maxArrayLength: 8, customInspect: false })
  } catch {
    return 'an object that cannot be looked at'
  }
}

/** An object without the entries that are undefined. */
export function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
