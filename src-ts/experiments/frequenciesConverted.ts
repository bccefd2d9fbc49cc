/** How a network that was trained on all frequencies does in fewer. */
import { MODE_KEYS, modeOf, MODES, type ModeKey } from '../model/approximations.js'
import { accuracyFindings } from './accuracy.js'
import { picturesOf } from './data.js'
import type { Experiment, PartContext, Row, Settings } from './experiment.js'
import { trainedNetwork } from './training.js'

/** The φ that are looked at; 15 is the exact network in every mode. */
const FREQUENCIES = { quick: [2, 4, 8, 15], full: Array.from({ length: 15 }, (_, index) => index + 1) }

export const frequenciesConverted: Experiment = {
  name: 'frequencies-converted',
  title: 'A converted network in fewer frequencies',
  needsData: true,
  parts: settings =>
    Array.from({ length: settings.seeds }, (_, seed) => [
      {
        key: `train-${seed}`,
        title: `training, seed ${seed + 1}`,
        weight: 10,
        run: async (context: PartContext) => {
          using _ = await networkOf(settings, seed, context)
          return []
        },
      },
      ...MODE_KEYS.map(mode => ({
        key: `${mode}-${seed}`,
        title: `${MODES[mode]}, seed ${seed + 1}`,
        weight: 3,
        run: (context: PartContext) => accuracies(settings, seed, mode, context),
      })),
    ]).flat(),
  findings: rows =>
    accuracyFindings(rows, [
      "The paper's network learns in all frequencies, which is as its spatial twin learns from pixels, and is then asked in fewer: ReLU approximated by ASM or APX, or every feature map cut off.",
    ]),
}

function networkOf(settings: Settings, seed: number, context: PartContext) {
  return trainedNetwork(settings, { name: `paper-${seed}`, seed }, context)
}

async function accuracies(settings: Settings, seed: number, mode: ModeKey, context: PartContext): Promise<Row[]> {
  using model = await networkOf(settings, seed, context)
  using test = await picturesOf(settings, 'test', context)
  const rows: Row[] = []
  for (const frequencies of settings.quick ? FREQUENCIES.quick : FREQUENCIES.full) {
    const { accuracy, images } = await model.evaluate(test, { ...modeOf(mode, frequencies), signal: context.signal })
    rows.push({ seed: seed + 1, mode, frequencies, images, accuracy })
  }
  return rows
}
