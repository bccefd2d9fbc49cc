/** How networks do that were trained in the frequencies they run in. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MODE_KEYS, modeOf, MODES, type ModeKey } from '../model/approximations.js'
import { accuracyFindings } from './accuracy.js'
import { picturesOf } from './data.js'
import type { Experiment, PartContext, Row, Settings } from './experiment.js'
import { publishedAccuracy } from './published.js'
import { trainedNetwork } from './training.js'

/** The φ that networks are trained at; 15 is the exact network, which is the same in every mode. */
const ALL = 15
const FREQUENCIES = { quick: [4, ALL], full: [1, 2, 3, 4, 5, 6, 8, 11, ALL] }

export const frequenciesTrained: Experiment = {
  name: 'frequencies-trained',
  title: 'Networks trained in fewer frequencies',
  needsData: true,
  parts: settings =>
    Array.from({ length: settings.seeds }, (_, seed) =>
      (settings.quick ? FREQUENCIES.quick : FREQUENCIES.full).flatMap(frequencies =>
        modesAt(frequencies).map(modes => ({
          key: `${modes[0]}-${frequencies}-${seed}`,
          title: `${modes.map(mode => MODES[mode]).join(', ')} at φ = ${frequencies}, seed ${seed + 1}`,
          weight: 1,
          run: (context: PartContext) => accuracyOf(settings, { seed, modes, frequencies }, context),
          tidy: () => rm(join(settings.models, `${nameOf(seed, modes[0], frequencies)}.model`), { force: true }),
        })),
      ),
    ).flat(),
  findings: (rows, { pictures }) => {
    const published = publishedAccuracy(pictures.classes)
    const paper = published
      ? [
          `Dashed is what the paper has for ${published.data}, where networks on pixels get ${(100 * published.spatial).toFixed(1)} %.`,
        ]
      : []
    return accuracyFindings(
      rows,
      [
        "The paper's network is trained and tested in one mode and at one φ: ReLU approximated by ASM or APX, or every feature map cut off.",
        ...paper,
      ],
      published,
    )
  },
}

/** The name of a network, which no other part uses. */
function nameOf(seed: number, mode: ModeKey, frequencies: number): string {
  return `paper-${mode}-${frequencies}-${seed}`
}

/** Modes that one training is of. */
function modesAt(frequencies: number): [ModeKey, ...ModeKey[]][] {
  return frequencies === ALL ? [['asm', 'apx', 'band-limited']] : MODE_KEYS.map(mode => [mode])
}

async function accuracyOf(
  settings: Settings,
  { seed, modes, frequencies }: { seed: number; modes: [ModeKey, ...ModeKey[]]; frequencies: number },
  context: PartContext,
): Promise<Row[]> {
  const [mode] = modes
  const name = nameOf(seed, mode, frequencies)
  using model = await trainedNetwork(settings, { name, seed, mode: modeOf(mode, frequencies) }, context)
  using test = await picturesOf(settings, 'test', context)
  const { accuracy, images } = await model.evaluate(test, { signal: context.signal })
  return modes.map(mode => ({ seed: seed + 1, mode, frequencies, images, accuracy }))
}
