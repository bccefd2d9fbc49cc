/**
 * A set of weights that a training keeps: `live`, which steps change; `average`, their moving average; `best`, those of the best epoch.
 * Predictions, tests and files use the best after a training that keeps them, otherwise the average if there is one, otherwise the live
 * ones.
 */
export type WeightSet = 'live' | 'average' | 'best'
