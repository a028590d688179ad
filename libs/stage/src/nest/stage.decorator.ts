import { DiscoveryService } from "@nestjs/core";
import type { ConcurrentStage, SliceStage } from "../core/stage.ts";
import type { ConcurrentStageOptions } from "../run/concurrent-consumer.ts";
import type { StageOptions } from "../run/run-options.ts";
import type { SliceStageOptions } from "../run/slice-consumer.ts";

export type AnyStage = SliceStage<unknown> | ConcurrentStage<unknown>;
export type AnyStageOptions = SliceStageOptions<unknown> & ConcurrentStageOptions<unknown>;

type StageDecorator<S> = (target: abstract new (...parts: never[]) => S) => void;

/** Marks a class with its options, under which {@link StageExplorer} finds it. */
export const StageMetadata = DiscoveryService.createDecorator<AnyStageOptions>();

/**
 * Runs a provider as a stage on the topic `on`. The class extends `SliceStage` or
 * `ConcurrentStage` of the topic's record. `StageModule.forFeature` adds options that depend
 * on the configuration.
 */
export function Stage<In>(
  options: StageOptions<In>,
): StageDecorator<SliceStage<In> | ConcurrentStage<In>>;
export function Stage<In>(options: SliceStageOptions<In>): StageDecorator<SliceStage<In>>;
export function Stage<In>(options: ConcurrentStageOptions<In>): StageDecorator<ConcurrentStage<In>>;
export function Stage(options: AnyStageOptions): StageDecorator<AnyStage> {
  return (target) => StageMetadata(options)(target);
}
