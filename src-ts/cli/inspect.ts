import type { Command } from 'commander'
import { ModelError } from '../errors.js'
import { inspectJpeg, type JpegInspection } from '../index.js'
import { examples, jsonOption } from './arguments.js'
import { inspectData } from './inspectData.js'
import { badFileAdvice, limitsOption, readingOfOne, useDamagedOption, type ReadingOptions } from './reading.js'
import { DATA, isData } from './source.js'
import { count, printResult, sayFailure, visible } from './terminal.js'

/** `jpegnet inspect FILE…`, `jpegnet inspect DATA` */
export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description(
      'describe JPEG files (size, colours, coding, orientation, sampling, quantisation, non-zero coefficients) or a data set (classes, sizes, bad files)',
    )
    .argument('<file...>', `JPEG files; or a data set: ${DATA}`)
    .addOption(useDamagedOption())
    .addOption(limitsOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('jpegnet inspect photo.jpg', 'jpegnet inspect photos/*.jpg --json', 'jpegnet inspect photos/train'),
    )
    .action(async (files: string[], { json = false, ...options }: InspectArguments, command: Command) => {
      const reading = readingOfOne(options)
      for (const file of files) {
        try {
          if (await isData(file)) {
            await inspectData(file, json, reading)
            continue
          }
          const inspection = await inspectJpeg(file, reading)
          printResult(json, inspection, describe(inspection))
        } catch (error) {
          if (!(error instanceof ModelError)) throw error
          sayFailure(error, badFileAdvice(error, command))
          process.exitCode = 1
        }
      }
    })
}

interface InspectArguments extends ReadingOptions {
  json?: boolean
}

function describe(jpeg: JpegInspection): string {
  const components = jpeg.components.map(({ id, blocks: [high, wide], nonZerosPerBlock, quantisation }) => {
    const steps = `steps ${Math.min(...quantisation)}–${Math.max(...quantisation)}`
    return `  component ${id}: ${wide}×${high} blocks, ${nonZerosPerBlock.toFixed(2)} non-zeros a block, ${steps}`
  })
  const raw = jpeg.width * jpeg.height * jpeg.components.length
  const facts = [
    `${jpeg.width}×${jpeg.height}`,
    `${jpeg.colour}${jpeg.inverted ? ' (inverted)' : ''}`,
    ...(jpeg.components.length > 1 ? [jpeg.sampling] : []),
    jpeg.coding,
    ...(jpeg.orientation === 1 ? [] : [`orientation ${jpeg.orientation}`]),
    ...(jpeg.iccBytes === undefined ? [] : [`ICC profile of ${count(jpeg.iccBytes)} bytes`]),
  ]
  return [
    `${visible(jpeg.file)}: ${facts.join(', ')}`,
    ...components,
    `  ${count(jpeg.fileBytes)} bytes as a file, ${count(jpeg.sparseBytes)} in sparse form, ${count(raw)} as pixels`,
    ...jpeg.notes.map(note => `  note: ${note}`),
    ...jpeg.warnings.map(({ message, count: times }) => `  warning: ${message} (${count(times)} times)`),
  ].join('\n')
}
