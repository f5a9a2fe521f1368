/**
 * The public surface of orograph: what a user's own stage kind imports, and the runner as a library. Importing it is
 * cheap; TensorFlow.js loads when an engine is started.
 */
export { Type } from 'typebox';
export { type Diagnostic, UserError } from './diagnostics/diagnostic.ts';
export { type Engine, startEngine } from './engine/engine.ts';
export type { RunEvent, Subscriber } from './events/event.ts';
export type { Artifact, ArtifactType } from './kind/artifact.ts';
export type { FactType, FactTypes } from './kind/fact-types.ts';
export {
  defineStage,
  type EngineSpec,
  type Facts,
  type FactsOf,
  type FileDependency,
  type InputSpec,
  type Memo,
  type OutputSpec,
  type Resources,
  type StageContext,
  type StageKind,
} from './kind/stage-kind.ts';
export { type Axis, type Curves, decodeCurves, encodeCurves, type Series } from './landscape/curves.ts';
export type { Layer } from './network/layers/layer.ts';
export type { BatchNormMode, ParameterForm } from './network/network.ts';
export {
  type BuiltNetwork,
  defineNetwork,
  type NetworkBuilder,
  type NetworkRequest,
  type OwnParameter,
} from './network/user-module.ts';
export type { Instance, Plan } from './plan/plan.ts';
export type { PipelineOptions, Preview, RunOptions, RunResult, Workspace } from './run/contract.ts';
export { previewPipeline } from './run/preview.ts';
export { runPipeline } from './run/run.ts';
export { findWorkspace } from './run/workspace.ts';
