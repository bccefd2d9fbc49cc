import type { Command } from 'commander'
import { inspectJpeg, type JpegInspection } from '../index.js'
import { examples, jsonOption } from './arguments.js'
import { inspectData } from './inspectData.js'
import { DATA, isData } from './source.js'
import { count, printResult } from './terminal.js'

/** `jpegnet inspect FILE…`, `jpegnet inspect DATA` */
export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description(
      'say what JPEG files hold: size, components, sampling, quantisation, sparsity; or what a data set is like',
    )
    .argument('<file...>', `JPEG files; or ${DATA}`)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('jpegnet inspect photo.jpg', 'jpegnet inspect photos/*.jpg --json', 'jpegnet inspect photos/train'),
    )
    .action(async (files: string[], { json = false }: { json?: boolean }) => {
      for (const file of files) {
        if (await isData(file)) {
          await inspectData(file, json)
          continue
        }
        const inspection = await inspectJpeg(file)
        printResult(json, inspection, describe(inspection))
      }
    })
}

function describe(jpeg: JpegInspection): string {
  const coding = jpeg.progressive ? 'progressive' : 'sequential'
  const components = jpeg.components.map(({ id, blocks: [high, wide], nonZerosPerBlock, quantisation }) => {
    const steps = `steps ${Math.min(...quantisation)}–${Math.max(...quantisation)}`
    return `  component ${id}: ${wide}×${high} blocks, ${nonZerosPerBlock.toFixed(2)} non-zeros a block, ${steps}`
  })
  const raw = jpeg.width * jpeg.height * jpeg.components.length
  return [
    `${jpeg.file}: ${jpeg.width}×${jpeg.height}, ${jpeg.sampling}, ${coding}`,
    ...components,
    `  ${count(jpeg.fileBytes)} bytes as a file, ${count(jpeg.sparseBytes)} in sparse form, ${count(raw)} as pixels`,
    ...jpeg.warnings.map(warning => `  warning: ${warning}`),
  ].join('\n')
}
