/** Precision, recall and F1 from a confusion matrix. */

/** How well one class is told from the others. What would be a part of nothing is `null`. */
export interface ClassScore {
  label: string
  /** Images of it. */
  images: number
  /** Images that were predicted as this class. */
  said: number
  /** Images of this class that were predicted correctly. */
  correct: number
  /** Share of the images predicted as this class that are correct. */
  precision: number | null
  /** Share of the images of this class that were predicted correctly. */
  recall: number | null
  /** Harmonic mean of precision and recall; nothing for a class without images. */
  f1: number | null
}

/** Means over the classes that have images, each class counting the same; a precision of nothing counts as 0. */
export interface MacroScores {
  precision: number
  recall: number
  f1: number
}

/** Scores of every class, from `confusion[is][said]`. */
export function classScores(confusion: readonly (readonly number[])[], labels: readonly string[]): ClassScore[] {
  const saidOf = labels.map(() => 0)
  for (const row of confusion) row.forEach((count, said) => (saidOf[said]! += count))
  return labels.map((label, index) => {
    const row = confusion[index] as readonly number[]
    const images = row.reduce((sum, count) => sum + count, 0)
    const [said, correct] = [saidOf[index] as number, row[index] as number]
    return {
      label,
      images,
      said,
      correct,
      precision: said > 0 ? correct / said : null,
      recall: images > 0 ? correct / images : null,
      f1: images > 0 ? (2 * correct) / (images + said) : null,
    }
  })
}

/** Means of the scores. */
export function macroScores(scores: readonly ClassScore[]): MacroScores {
  const measured = scores.filter(({ images }) => images > 0)
  const mean = (of: (score: ClassScore) => number | null) =>
    measured.reduce((sum, score) => sum + (of(score) ?? 0), 0) / measured.length
  return { precision: mean(of => of.precision), recall: mean(of => of.recall), f1: mean(of => of.f1) }
}

/** One kind of mistake. */
export interface Mistake {
  is: string
  said: string
  images: number
}

/** Kinds of mistakes that were made, the commonest first. */
export function mistakesOf(confusion: readonly (readonly number[])[], labels: readonly string[]): Mistake[] {
  return confusion
    .flatMap((row, is) =>
      row.flatMap((images, said) =>
        images > 0 && is !== said ? [{ is: labels[is] as string, said: labels[said] as string, images }] : [],
      ),
    )
    .sort((a, b) => b.images - a.images)
}
