/** Lists of transforms: what happens to images on their way to a network. */
import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'
import { colourSchemas, type ColourTransform } from './colours.js'
import { erasingSchemas, type ErasingTransform } from './erasing.js'
import { centerCrop, geometrySchemas, resize, type GeometryTransform, type ResamplingOptions } from './geometry.js'
import { interpolationShape, side } from './sizes.js'

/** Something done to images, as plain data: made by {@link resize}, {@link randomCrop}, {@link colorJitter} and others. */
export type Transform = GeometryTransform | ColourTransform | ErasingTransform

export const transformSchema = z.discriminatedUnion('type', [...geometrySchemas, ...colourSchemas, ...erasingSchemas], {
  error: 'a transform made by resize, randomCrop, colorJitter or another function of its kind',
}) satisfies z.ZodType<Transform>

/** What transforms of each type come after: a list is in this order. */
const STAGES = ['geometry', 'colours', 'erasing'] as const

export const transformsSchema = z
  .array(transformSchema)
  .readonly()
  .superRefine((transforms, context) => {
    const stages = transforms.map(({ type }) => stageOf(type))
    const wrong = stages.findIndex((stage, at) => at > 0 && stage < (stages[at - 1] as number))
    if (wrong < 0) return
    const message = `transforms of ${STAGES.join(', then of ')}`
    context.addIssue({ code: 'custom', path: [wrong], message, input: transforms[wrong] })
  }) satisfies z.ZodType<readonly Transform[]>

/** Options of {@link evaluationTransform}. */
export interface EvaluationTransformOptions extends ResamplingOptions {
  /** What the shorter side is resized to; 8/7 of the size by default, as 256 to 224. */
  resizeTo?: number | undefined
}

/**
 * The shorter side resized, and of that the middle: what torchvision's weights are evaluated with.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function evaluationTransform(size = 224, options: EvaluationTransformOptions = {}): readonly Transform[] {
  const schema = z.strictObject({
    ...interpolationShape,
    resizeTo: side.optional(),
  }) satisfies z.ZodType<EvaluationTransformOptions>
  const length = checked(side, size, 'evaluationTransform.size')
  const { resizeTo = Math.round((length * 8) / 7), ...rest } = checked(schema, options, 'evaluationTransform')
  return frozen([resize(resizeTo, rest), centerCrop(length)])
}

/** Whether a transform is about the shape of images; in a list these come first. */
export function isGeometry({ type }: Transform): boolean {
  return stageOf(type) === 0
}

/** Whether a transform may do another thing to the same image each time. */
export function isRandom(transform: Transform): boolean {
  switch (transform.type) {
    case 'resize':
    case 'crop':
    case 'cover':
    case 'centerCrop':
    case 'pad':
      return false
    case 'gray':
    case 'flipHorizontally':
    case 'flipVertically':
      return transform.probability > 0 && transform.probability < 1
    case 'rotate':
      return transform.quarters.length > 1
    default:
      return true
  }
}

function stageOf(type: Transform['type']): number {
  if (colourSchemas.some(schema => schema.shape.type.value === type)) return STAGES.indexOf('colours')
  return STAGES.indexOf(erasingSchemas.some(schema => schema.shape.type.value === type) ? 'erasing' : 'geometry')
}
