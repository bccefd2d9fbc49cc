import type { Command } from 'commander'
import { loadModel, writeSafetensors } from '../index.js'
import { examples, jsonOption } from './arguments.js'
import { printResult } from './terminal.js'

/** `jpegnet export MODEL --out WEIGHTS.safetensors` */
export function addExport(program: Command): void {
  program
    .command('export')
    .description("write a model's weights with PyTorch's names, for the same network on pixels")
    .argument('<model>', 'a model that jpegnet saved')
    .requiredOption('--out <weights>', 'the safetensors file to write')
    .addOption(jsonOption())
    .addHelpText('after', examples('jpegnet export photos.model --out weights.safetensors'))
    .action(async (path: string, { out, json = false }: { out: string; json?: boolean }) => {
      const model = await loadModel(path)
      const tensors = await model.parameters()
      await writeSafetensors(out, { tensors, metadata: { format: 'pt' } })
      const result = { out, tensors: tensors.length, parameters: model.parameterCount }
      printResult(json, result, `${tensors.length} tensors written to ${out}`)
    })
}
