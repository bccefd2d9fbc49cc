import { Option, type Command } from 'commander'
import { mismatch } from '../errors.js'
import { exportOnnx, loadModel, writeSafetensors } from '../index.js'
import { examples, jsonOption } from './arguments.js'
import { forceOption, outputFile } from './output.js'
import { count, printResult } from './terminal.js'

/** `jpegnet export MODEL --out FILE` */
export function addExport(program: Command): void {
  program
    .command('export')
    .description('write a model for other runtimes: its weights for PyTorch, or the network as ONNX')
    .argument('<model>', 'a model file (.model)')
    .requiredOption(
      '--out <file>',
      'file to write: .safetensors for weights with the parameter names of PyTorch, .onnx for the network',
    )
    .addOption(
      new Option(
        '--input <name>',
        'ONNX: whether the input is RGB that is normalised already, or in 0…255 (default: normalised)',
      ).choices(['normalised', 'pixels']),
    )
    .addOption(
      new Option(
        '--mode <name>',
        'ONNX: export the exact network of a model whose mode is approximated or band-limited',
      ).choices(['exact']),
    )
    .addOption(forceOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet export photos.model --out weights.safetensors',
        'jpegnet export photos.model --out photos.onnx --input pixels',
      ),
    )
    .action(async (path: string, { out, input, mode, force, json = false }: ExportArguments) => {
      const kind = await outputFile(out, ['weights', 'onnx'], { inputs: [path], force })
      if (kind === 'weights' && (input ?? mode) !== undefined) {
        throw mismatch('INVALID_OPTION', input ? '--input' : '--mode', 'nothing beside weights', `${input ?? mode}`)
      }
      const model = await loadModel(path)
      const parameters = model.parameterCount
      if (kind === 'onnx') {
        const { length: bytes } = await exportOnnx(model, { file: out, input, mode })
        printResult(
          json,
          { out, bytes, parameters },
          `${count(parameters)} parameters written to ${out} (${count(bytes)} bytes)`,
        )
        return
      }
      const tensors = await model.parameters()
      await writeSafetensors(out, { tensors, metadata: { format: 'pt', 'jpegnet.exported': '1' } })
      printResult(json, { out, tensors: tensors.length, parameters }, `${tensors.length} tensors written to ${out}`)
    })
}

interface ExportArguments {
  out: string
  input?: 'normalised' | 'pixels'
  mode?: 'exact'
  force?: boolean
  json?: boolean
}
