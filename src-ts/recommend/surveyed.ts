/** The survey of images that a recommendation is for. */
import * as z from 'zod'
import { Dataset } from '../data/dataset.js'
import type { DatasetSurvey } from '../data/survey.js'
import { checked } from '../options.js'

const count = z.int().min(0)
const size = z.strictObject({ width: z.int().min(1), height: z.int().min(1), count })
const surveySchema = z.strictObject({
  images: count.min(1),
  classes: z.array(z.string()).readonly(),
  gray: count,
  sizes: z.array(size).min(1).readonly(),
}) satisfies z.ZodType<DatasetSurvey>

/**
 * A data set's survey, or a survey as it is.
 *
 * @throws ModelError `INVALID_OPTION` if it is neither; `DISPOSED`
 */
export function surveyed(data: Dataset | DatasetSurvey, where: string): DatasetSurvey {
  return data instanceof Dataset ? data.survey() : checked(surveySchema, data, `${where}.data`)
}
