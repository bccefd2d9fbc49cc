/** The page of an explanation: what can be read without a script, and places for what the script draws. */
import { basename } from 'node:path'
import type { JpegInspection } from '../data/inspect.js'
import type { Model } from '../model/model.js'
import type { Prediction } from '../model/predict.js'
import { modeSentence, ownMode } from '../model/mode.js'
import { grouped, percent } from '../numbers.js'
import { escaped, facts, page, paragraph, section } from '../report/html.js'
import type { PageData } from './pageData.js'
import { EXPLAIN_STYLE } from './style.js'

/** What a page is made of. */
export interface Explanation {
  name: string
  bytes: Uint8Array
  inspected: JpegInspection
  prediction: Prediction
  model: Model
  data: PageData
  /** The answer against φ, and the φ from which it stays the same. */
  chart: { svg: string; same: number }
  script: string
}

/** The most probable classes that are shown. */
const CLASSES = 5

/** The page as HTML. */
export function explanationPage(given: Explanation): string {
  const { name, data, script, model } = given
  const sections = [
    answer(given),
    `<noscript>${paragraph('The rest of this page is drawn by a script, which this browser does not run.')}</noscript>`,
    `<div class="needs-script" hidden><div class="scope">`,
    slider(),
    coefficients(data),
    kept(),
    ...(data.relus.length > 0 ? [masks(data)] : []),
    '</div>',
    features(given),
    '</div>',
    frequencies(given),
  ]
  // Neither may end the element it stands in.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c')
  const code = script.replaceAll('</script', '<\\/script')
  const end = `<script type="application/json" id="data">${json}</script>\n<script>${code}</script>`
  return page(`What ${model.definition.name} makes of ${basename(name)}`, [...sections, end], EXPLAIN_STYLE)
}

function answer({ name, bytes, inspected, prediction, model }: Explanation): string {
  const rows = prediction.classes.slice(0, CLASSES).map(({ label, probability }) => {
    const share = percent(probability, 1)
    return `<li><span>${escaped(label)}</span><span class="bar" style="--share:${probability.toFixed(4)}"></span><b>${share}</b></li>`
  })
  const { width, height, sampling, colour, coding, fileBytes, nonZerosPerBlock } = inspected
  const more =
    prediction.classes.length > CLASSES ? `the likeliest of ${prediction.classes.length} classes` : 'all classes'
  const { channels, height: high, width: wide } = model.definition.input
  return section(
    'The answer',
    paragraph(`The file, and what the network says it is (${more}).`),
    `<div class="answer"><img src="data:image/jpeg;base64,${Buffer.from(bytes).toString('base64')}" alt="${escaped(name)}"><ol class="classes">${rows.join('')}</ol></div>`,
    facts([
      ['image', `${width} × ${height} pixels, ${colour}, ${sampling}, ${coding}`],
      [
        'file',
        `${grouped(fileBytes)} bytes, ${nonZerosPerBlock.toFixed(1)} of 64 coefficients of a block are not zero`,
      ],
      [
        'network',
        `${grouped(model.parameterCount)} parameters, images of ${wide} × ${high}, ${channels === 1 ? 'gray' : 'in colour'}; ${modeSentence(ownMode(model.definition))}`,
      ],
    ]),
  )
}

/** φ for the three sections that it is a question of. */
function slider(): string {
  return `<div class="phi"><label for="phi">φ, frequencies kept</label><input type="range" id="phi" min="1" max="15" value="6"><output for="phi" id="phi-value">6</output></div>`
}

function canvas(id: string, caption: string, extra = ''): string {
  return `<figure><figcaption>${caption}</figcaption><div class="stage"${extra}><canvas id="${id}" role="img" aria-label="${caption}"></canvas></div></figure>`
}

function choices(id: string, label: string, names: readonly string[]): string {
  const options = names.map((name, index) => `<option value="${index}">${escaped(name)}</option>`)
  return `<label class="choice">${label} <select id="${id}">${options.join('')}</select></label>`
}

function coefficients({ components }: PageData): string {
  return section(
    'Coefficients, block by block',
    paragraph(
      'A JPEG file holds no pixels but, for each 8×8 block, how much there is of 64 patterns, rounded to whole steps. Pick a block with a click, a tap or the arrow keys; coefficients that φ leaves out are struck through.',
    ),
    `<div class="row">${choices(
      'component',
      'component',
      components.map(({ name }) => name),
    )}<label class="choice"><input type="checkbox" id="dequantised"> times their steps</label></div>`,
    `<div class="pair">${canvas('plane', 'the component, block beside block', ' tabindex="0" id="plane-stage"')}<div><div id="block-name" class="note" role="status"></div><table id="block" class="block"></table><div class="triple">${canvas('block-whole', 'the block')}${canvas('block-kept', 'as φ keeps it')}</div></div></div>`,
  )
}

function kept(): string {
  return section(
    'What φ keeps',
    paragraph(
      'φ counts the diagonals of a block that are kept, from its mean on: coefficients with α + β < φ, α and β their vertical and horizontal frequency. 15 keeps all.',
    ),
    `<div class="triple">${canvas('kept', 'with α + β < φ')}${canvas('lost', 'what is left out, around gray')}</div>`,
    '<table class="facts" id="kept-facts"></table>',
  )
}

function masks({ relus }: PageData): string {
  return section(
    'The mask of a ReLU, and its error',
    paragraph(
      'ReLU keeps the pixels that are positive. Which ones is not seen in coefficients: ASM takes the signs from the φ lowest frequencies and keeps the values, APX takes the values from there too. Orange is positive, blue negative; red marks pixels whose sign the low frequencies get wrong.',
    ),
    `<div class="row">${choices(
      'relu',
      'ReLU',
      relus.map(({ path }) => path),
    )}<label class="choice">channel <select id="channel"></select></label><span class="note" id="channels-shown"></span></div>`,
    `<div class="tiles">${canvas('relu-input', 'what it is given', ' tabindex="0" id="relu-stage"')}${canvas('mask-exact', 'its mask')}${canvas('mask-phi', 'the mask from φ')}${canvas('mask-wrong', 'where they differ')}${canvas('relu-exact', 'ReLU')}${canvas('relu-asm', 'ASM')}${canvas('relu-apx', 'APX')}</div>`,
    '<div class="wide"><table class="results" id="relu-errors"></table></div>',
  )
}

function features({ data }: Explanation): string {
  const parts = data.layers.map(({ path, operation, shape, channels }, index) => {
    const [all = 1] = shape
    const shown = shape.length === 3 && channels.length < all ? `, ${channels.length} of ${all} channels` : ''
    return `<div class="layer" data-layer="${index}"><h3>${escaped(path)} <small>${escaped(operation)}, ${shape.join(' × ')}${shown}</small></h3><div class="maps"></div></div>`
  })
  return section(
    'Features, layer by layer',
    paragraph(
      'What every layer gives for this image, the channels that vary most: orange is positive, blue negative, each channel scaled by its largest value. Bars beside them are the energy at each α + β, over all channels.',
    ),
    `<div id="layers">${parts.join('')}</div>`,
  )
}

function frequencies({ chart: { svg, same }, prediction }: Explanation): string {
  const [best] = prediction.classes
  const stays = same === 1 ? 'at every φ and in every way' : `from φ = ${same} on, in every way`
  return section(
    'The answer in fewer frequencies',
    paragraph(
      `Probability of “${best?.label ?? ''}” when the whole network is computed in φ frequencies: ReLU approximated by ASM or APX, or every feature map cut off (band-limited). The answer is the same ${stays}.`,
    ),
    `<div class="charts"><figure>${svg}</figure></div>`,
  )
}
