import test from 'ava'
import { constant, cosine, oneCycle, step, type Schedule } from '../../src-ts/index.js'
import { scheduleFactor } from '../../src-ts/train/schedules.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'

const EPOCHS = 5
const STEPS_PER_EPOCH = 8

const factors = (schedule: Schedule, epochs: number, stepsPerEpoch: number) =>
  Array.from({ length: epochs * stepsPerEpoch }, (_, step) => scheduleFactor(schedule, { step, stepsPerEpoch, epochs }))

const follows = test.macro((t, schedule: Schedule, truth: (step: number) => number) => {
  factors(schedule, EPOCHS, STEPS_PER_EPOCH).forEach((factor, step) => {
    t.true(Math.abs(factor - truth(step)) < 1e-12, `step ${step}: ${factor}, expected ${truth(step)}`)
  })
})

const epochOf = (step: number) => Math.floor(step / STEPS_PER_EPOCH)

test('constant leaves the learning rate', follows, constant(), () => 1)
test(
  'step multiplies after every so many epochs',
  follows,
  step({ every: 2, factor: 0.5 }),
  step => [1, 1, 0.5, 0.5, 0.25].at(epochOf(step)) as number,
)
test('step divides by 10 unless told', follows, step({ every: 1 }), step => 10 ** -epochOf(step))

/** What PyTorch 2.15's schedulers give for a rate of 1, step by step; one number of epochs, each of one step. */
const OF_PYTORCH: [name: string, schedule: Schedule, rates: number[]][] = [
  ['CosineAnnealingLR(T_max=2)', cosine(), [1.0, 0.5]],
  [
    'CosineAnnealingLR(T_max=7)',
    cosine(),
    [
      1.0, 0.9504844339512095, 0.8117449009293668, 0.6112604669781572, 0.38873953302184283, 0.18825509907063326,
      0.04951556604879048,
    ],
  ],
  [
    'CosineAnnealingLR(T_max=7, eta_min=0.2)',
    cosine({ final: 0.2 }),
    [
      1.0, 0.9603875471609677, 0.8493959207434936, 0.6890083735825259, 0.5109916264174743, 0.3506040792565066,
      0.23961245283903237,
    ],
  ],
  [
    'CosineAnnealingLR(T_max=40)',
    cosine(),
    [
      1.0, 0.998458666866564, 0.9938441702975689, 0.9861849601988383, 0.9755282581475768, 0.9619397662556434,
      0.9455032620941839, 0.9263200821770461, 0.9045084971874737, 0.8802029828000155, 0.8535533905932737,
      0.8247240241650919, 0.7938926261462366, 0.7612492823579744, 0.7269952498697734, 0.6913417161825449,
      0.6545084971874737, 0.6167226819279528, 0.5782172325201155, 0.5392295478639225, 0.5, 0.4607704521360776,
      0.4217827674798847, 0.38327731807204735, 0.34549150281252633, 0.30865828381745514, 0.2730047501302266,
      0.2387507176420256, 0.2061073738537635, 0.17527597583490823, 0.14644660940672627, 0.11979701719998453,
      0.09549150281252633, 0.07367991782295391, 0.054496737905816106, 0.03806023374435663, 0.024471741852423234,
      0.013815039801161723, 0.006155829702431171, 0.0015413331334360185,
    ],
  ],
  ['OneCycleLR(total_steps=2)', oneCycle(), [0.811745653949763, 4e-6]],
  [
    'OneCycleLR(total_steps=7)',
    oneCycle(),
    [
      0.040000000000000036, 0.9805566273349586, 0.9190443762697106, 0.6726838364805451, 0.35773877573965707,
      0.0992967918932656, 4e-6,
    ],
  ],
  [
    'OneCycleLR(total_steps=40)',
    oneCycle(),
    [
      0.040000000000000036, 0.059443372665041294, 0.11619830424103306, 0.2056668477062631, 0.32060079375909445,
      0.45168887762882304, 0.5883111223711768, 0.7193992062409054, 0.8343331522937368, 0.923801695758967,
      0.9805566273349586, 1.0, 0.9968561175222016, 0.9874640062350873, 0.9719417773875232, 0.9504846320134737,
      0.9233624061657436, 0.89091617757105, 0.8535539763797113, 0.8117456539497631, 0.7660169741935152,
      0.7169430017913008, 0.6651408704194597, 0.6112620219362893, 0.5559840141227017, 0.500002, 0.4440199858772983,
      0.38874197806371075, 0.33486312958054054, 0.28306099820869923, 0.2339870258064848, 0.18825834605023697,
      0.14645002362028864, 0.10908782242895004, 0.0766415938342564, 0.049519367986526286, 0.02806222261247683,
      0.012539993764912554, 0.0031478824777984847, 4e-6,
    ],
  ],
  [
    'OneCycleLR(total_steps=7, pct_start=0.26, div_factor=10, final_div_factor=10)',
    oneCycle({ warmup: 0.26, initial: 0.1, final: 0.01 }),
    [
      0.09999999999999998, 0.9970533463776722, 0.8785593574117914, 0.6268216321506739, 0.33163172423830933,
      0.09828001247661991, 0.01,
    ],
  ],
  [
    'OneCycleLR(total_steps=40, pct_start=0.26, div_factor=10, final_div_factor=10)',
    oneCycle({ warmup: 0.26, initial: 0.1, final: 0.01 }),
    [
      0.09999999999999998, 0.1248989087764365, 0.19684027662460257, 0.30786294107648227, 0.44568093237961226,
      0.5950430612308443, 0.7394206430927507, 0.862836592453589, 0.9516334761369465, 0.995984869669651,
      0.9989966620076022, 0.9928798756221157, 0.9812724676973805, 0.9643050685117722, 0.9421686299206317,
      0.9151122763757019, 0.8834405012676109, 0.8475097401438855, 0.8077243593676512, 0.7645321053608297,
      0.7184190656462482, 0.6699041983973185, 0.6195334920599691, 0.5678738207747049, 0.5155065647501437,
      0.4630210673846231, 0.4110080027697229, 0.3600527282181076, 0.31072869662662894, 0.263591002812251,
      0.21917013645060868, 0.17796601192190978, 0.1404423422525515, 0.10702142046836448, 0.07807936709035962,
      0.05394189725787278, 0.03488065511608672, 0.02111015672089536, 0.012785375865793284, 0.01,
    ],
  ],
]

for (const [name, schedule, rates] of OF_PYTORCH) {
  test(`every step has the rate that PyTorch gives it, the last one too: ${name}`, t => {
    for (const [epochs, stepsPerEpoch] of [
      [rates.length, 1],
      [1, rates.length],
    ] as const) {
      factors(schedule, epochs, stepsPerEpoch).forEach((factor, step) => {
        const truth = rates[step] as number
        t.true(Math.abs(factor - truth) < 1e-12, `step ${step}: ${factor}, expected ${truth}`)
      })
    }
  })
}

test('one cycle without warm-up begins at the top and falls', t => {
  const [first = NaN, second = NaN, ...rest] = factors(oneCycle({ warmup: 0, final: 0 }), 1, 10)
  t.true(first < 1 && first > second)
  t.is(rest.at(-1), 0)
})

test('a training of one step takes the first value', t => {
  const only = { step: 0, stepsPerEpoch: 1, epochs: 1 }
  t.is(scheduleFactor(cosine(), only), 1)
  t.is(scheduleFactor(oneCycle({ initial: 0.5 }), only), 0.5)
  t.is(scheduleFactor(oneCycle({ warmup: 0 }), only), 1)
})

test('schedules are frozen plain data', t => {
  t.true([constant(), step({ every: 1 }), cosine(), oneCycle()].every(Object.isFrozen))
})

const refuses = test.macro(async (t, make: () => Schedule, expected: Omit<Expected, 'code'>) => {
  await failsWith(t, make, { code: 'INVALID_OPTION', ...expected })
})
test('steps of no epochs are refused', refuses, () => step({ every: 0 }), { path: 'step.every' })
test('a factor of 0 is refused', refuses, () => step({ every: 1, factor: 0 }), { path: 'step.factor' })
test('a final share above 1 is refused', refuses, () => cosine({ final: 2 }), { path: 'cosine.final', found: '2' })
test('a warm-up that is not a number is refused', refuses, () => oneCycle({ warmup: NaN }), { path: 'oneCycle.warmup' })
