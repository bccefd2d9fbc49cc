/** How networks do that were trained in the frequencies they run in. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Experiment, Row, Settings } from './experiment.js'
import { accuracyFindings, MODE_KEYS, modeOf, MODES, testSet, type ModeKey } from './modes.js'
import { trainedNetwork } from './training.js'

/** The φ that networks are trained at; 15 is the exact network in every mode. */
const FREQUENCIES = { quick: [4, 15], full: [1, 2, 4, 6, 8, 10, 12, 15] }

export const frequenciesTrained: Experiment = {
  name: 'frequencies-trained',
  title: 'Networks trained in fewer frequencies',
  needsData: true,
  parts: settings =>
    Array.from({ length: settings.seeds }, (_, seed) =>
      (settings.quick ? FREQUENCIES.quick : FREQUENCIES.full).flatMap(frequencies =>
        MODE_KEYS.map(mode => ({
          key: `${mode}-${frequencies}-${seed}`,
          title: `${MODES[mode]} at φ = ${frequencies}, seed ${seed + 1}`,
          weight: 1,
          run: (signal: AbortSignal | undefined) => accuracyOf(settings, { seed, mode, frequencies }, signal),
        })),
      ),
    ).flat(),
  findings: rows =>
    accuracyFindings(rows, [
      "The paper's network is trained and tested in one mode and at one φ: ReLU approximated by ASM or APX, or every feature map cut off.",
    ]),
}

async function accuracyOf(
  settings: Settings,
  { seed, mode, frequencies }: { seed: number; mode: ModeKey; frequencies: number },
  signal: AbortSignal | undefined,
): Promise<Row[]> {
  const name = `paper-${mode}-${frequencies}-${seed}`
  using model = await trainedNetwork(settings, { name, seed, mode: modeOf(mode, frequencies) }, signal)
  using test = await testSet(settings, signal)
  const { accuracy, images } = await model.evaluate(test, { signal })
  // No other part uses it.
  await rm(join(settings.models, `${name}.model`), { force: true })
  return [{ seed: seed + 1, mode, frequencies, images, accuracy }]
}
