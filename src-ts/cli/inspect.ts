import type { Command } from 'commander'
import { inspectJpeg, type JpegInspection } from '../index.js'
import { examples, jsonOption } from './arguments.js'
import { count, printResult } from './terminal.js'

/** `jpegnet inspect FILE…` */
export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('say what JPEG files hold: size, components, sampling, quantisation, sparsity')
    .argument('<file...>', 'JPEG files')
    .addOption(jsonOption())
    .addHelpText('after', examples('jpegnet inspect photo.jpg', 'jpegnet inspect photos/*.jpg --json'))
    .action(async (files: string[], { json = false }: { json?: boolean }) => {
      for (const file of files) {
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
