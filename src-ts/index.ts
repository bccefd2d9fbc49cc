/** Train and run residual networks directly on JPEG files, in the JPEG transform domain. */

// Layers: plain data.
export { add, residual, type AddOptions, type ResidualOptions } from './layers/add.js'
export { batchNorm, type BatchNormLayer, type BatchNormOptions } from './layers/batchNorm.js'
export { clip, hardTanh, relu6, type ClipLayer, type ClipOptions } from './layers/clip.js'
export { conv2d, type Conv2dLayer, type Conv2dOptions, type Factorisation } from './layers/conv2d.js'
export { globalAveragePool, type GlobalAveragePoolLayer } from './layers/globalAveragePool.js'
export { type AddLayer, type Layer, type Layers, type NamedLayer, type SequentialLayer } from './layers/layer.js'
export { leakyRelu, type LeakyReluLayer, type LeakyReluOptions } from './layers/leakyRelu.js'
export { linear, type LinearLayer, type LinearOptions } from './layers/linear.js'
export { type CompleteMasking, type Masking, type MaskingOptions } from './layers/masking.js'
export { averagePool, type AveragePoolLayer, type AveragePoolOptions } from './layers/averagePool.js'
export { maxPool, type MaxPoolLayer, type MaxPoolOptions } from './layers/maxPool.js'
export { relu, type ReluLayer } from './layers/relu.js'
export { sequential } from './layers/sequential.js'
export { subsample, type SubsampleLayer, type SubsampleOptions } from './layers/subsample.js'

// Models.
export { cifarResnet, type CifarDepth, type CifarOptions } from './models/cifar.js'
export { resnet18, resnet34, resnet50, resnet101, resnet152 } from './models/imagenet.js'
export { type NetworkOptions } from './models/network.js'
export { paperResnet } from './models/paper.js'
export { resnet, type ResnetOptions } from './models/resnet.js'
export { namedNetwork, networkNames, type NamedNetworkOptions } from './models/named.js'
export { defineModel, type InputOptions, type ModelOptions } from './model/define.js'
export { type InputDefinition, type ModelDefinition } from './model/definition.js'
export { createModel, loadModel, Model, type CreateOptions, type LoadOptions, type SaveOptions } from './model/model.js'
export { type EvaluateOptions, type EvaluateProgress } from './model/evaluate.js'
export { type Evaluation, type PictureResult, type TopScore } from './model/evaluation.js'
export { type ClassScore, type MacroScores, type Mistake } from './model/scores.js'
export { type LeftOutClass, type OnUnknownClass } from './model/labels.js'
export { type FeatureMap, type FeatureMapOptions } from './model/featureMaps.js'
export { type Mode, type ModeName, type ModeOptions } from './model/mode.js'
export { InferencePlan, type PlannedStep, type PlanOptions, type ProfileOptions } from './model/plan.js'
export { type ClassProbability, type Embedding, type Picture } from './model/predict.js'
export { type Prediction, type PredictOptions } from './model/predict.js'
export { type FailedPicture, type PictureAnswer } from './model/predictEach.js'
export { type ModelNode } from './model/summary.js'
export { type WeightSet } from './model/weightSet.js'

export { replaceHead, type HeadOptions } from './model/head.js'

// Networks that were trained on pixels.
export { convertModel, type Conversion, type ConvertOptions } from './convert/convert.js'
export { findPackaged, type Packaged } from './convert/packaged.js'
export { loadPretrained, type Pretrained, type PretrainedOptions } from './convert/pretrained.js'
export { type Preprocessing } from './convert/keras/model.js'

export { modelCard, modelCardMarkdown, type ModelCard } from './export/card.js'
export { exportOnnx, type OnnxOptions } from './export/onnx/export.js'

// Data.
export { Dataset, loadDataset, type DataEvent, type LoadDatasetOptions } from './data/dataset.js'
export { type BytesInTime, type FileUrl, type JpegBytes, type JpegFile } from './data/bytes.js'
export { type WebStream } from './data/iteration.js'
export { type ClassBalance, type ClassShare } from './data/balance.js'
export { findDataset, type FoundDataset } from './data/find.js'
export { type DatasetSurvey, type SizeCount } from './data/survey.js'
export { type SplitOptions } from './data/split.js'
export { type JpegSource } from './data/listing.js'
export { type MemorySize } from './data/memory.js'
export { jpegFolder, type JpegFolder, type SkippedFile, type SourceOptions } from './data/folder.js'
export { type JpegLimits, type JpegReadOptions, type JpegWarning } from './data/reading.js'
export { type OnBadFile, type WarnedFile } from './data/reading.js'
export { jpegFiles, jpegImages, type JpegFiles, type JpegImages } from './data/images.js'
export { type LabelledFile, type LabelledImage } from './data/images.js'
export { jpegList, type JpegList, type ListOptions } from './data/list.js'
export { jpegStream, type JpegStream } from './data/stream.js'
export { jpegTar, type JpegTar, type TarArchive, type TarOptions } from './data/tar.js'
export {
  jpegCoefficients,
  readCoefficients,
  writeCoefficients,
  type CoefficientPlane,
  type JpegCoefficients,
} from './data/coefficients.js'
export { transformJpeg, writeJpeg, type LosslessOptions, type PixelBox } from './data/lossless.js'
export { type Turn, type WriteJpegOptions } from './data/lossless.js'
export { inspectDataset, type DatasetInspection } from './data/inspectDataset.js'
export { inspectJpeg, type JpegComponent, type JpegInspection } from './data/inspect.js'
export { type JpegCoding, type JpegColour } from './data/inspect.js'

// Transforms.
export {
  centerCrop,
  cover,
  crop,
  pad,
  randomCrop,
  randomHorizontalFlip,
  randomResizedCrop,
  randomRightAngle,
  randomVerticalFlip,
  resize,
  type CropOptions,
  type GeometryTransform,
  type ProbabilityOptions,
  type RandomCropOptions,
  type RandomResizedCropOptions,
  type ResamplingOptions,
} from './transforms/geometry.js'
export { colorJitter, grayscale, randomGrayscale } from './transforms/colours.js'
export { type ColorJitterOptions, type ColourTransform } from './transforms/colours.js'
export { cutout, randomErasing, type CutoutOptions } from './transforms/erasing.js'
export { type ErasingTransform, type RandomErasingOptions } from './transforms/erasing.js'
export { cutMix, mixup, type Mix, type MixOptions } from './transforms/mixing.js'
export { type Fill, type Interpolation, type Padding, type PaddingOptions, type Size } from './transforms/sizes.js'
export { evaluationTransform, type EvaluationTransformOptions, type Transform } from './transforms/transform.js'

// Training.
export { adam, adamW, sgd, type AdamOptions, type Optimizer, type SgdOptions } from './train/optimizers.js'
export { constant, cosine, oneCycle, step, type Schedule } from './train/schedules.js'
export { type CosineOptions, type OneCycleOptions, type StepOptions } from './train/schedules.js'
export { type CheckpointEvent, type EpochEvent, type FeaturesEvent, type LostEvent } from './train/events.js'
export { type StartEvent, type StepEvent, type StopEvent, type TrainEvent } from './train/events.js'
export { type EpochResult, type TestResult } from './train/result.js'
export { type TrainingState, type UnfinishedEpoch } from './train/checkpoint.js'
export { type History } from './train/fit.js'
export { type CheckpointOptions, type TrainOptions } from './train/options.js'
export { type Average, type AverageOptions, type Clipping } from './train/settings.js'
export { type GivenSettings, type TrainSettings } from './train/settings.js'
export { type SecondsLeft } from './train/remaining.js'
export { type TrainingMemory, type TrainingSize } from './train/memory.js'
export { type LayerGroup } from './train/groups.js'
export { type Trained, type TrainedTest } from './train/trained.js'
export { type BestEpoch } from './train/best.js'
export { type EarlyStopping, type EarlyStoppingOptions } from './train/earlyStopping.js'

// What suits the images at hand.
export { recommend, type Choice, type Recommendation } from './recommend/recommend.js'
export { type RecommendedTraining, type RecommendOptions } from './recommend/recommend.js'
export { recommendTuning, suitsPretrained } from './recommend/tuning.js'
export { type TuningOptions, type TuningRecommendation } from './recommend/tuning.js'

// Weights.
export { readSafetensors, writeSafetensors, type Safetensors, type Tensor } from './weights/safetensors.js'
export { type LoadReport, type ShapeMismatch, type Suggestion } from './weights/load.js'

// Reports.
export { evaluationReport, type EvaluationReportOptions } from './report/evaluation.js'
export { TrainingRecord, type CurvePoint, type Tested } from './report/record.js'
export { trainingReport, type ReportOptions } from './report/report.js'
export { type ReportPicture } from './report/pictures.js'

// Explanations.
export { explainPicture, type ExplainOptions, type ExplainProgress } from './explain/explain.js'

// Experiments.
export { experimentNames, runExperiment } from './experiments/run.js'
export { type ExperimentEvent, type ExperimentOptions } from './experiments/run.js'
export { type Row } from './experiments/experiment.js'

export { ModelError, type ModelErrorCode, type ModelErrorDetails } from './errors.js'
export { runtimeInfo, type RuntimeInfo } from './runtime.js'
