import { dirname, resolve } from "node:path";
import { type Budget, complexities, PriceBook, type PriceEntry, type Tier } from "@sluice/domain";
import {
  type AdditionalMembers,
  type ApiKey,
  type CachePolicy,
  Declarations,
  type Limit,
  type Provider,
  type Variant,
} from "./declarations.ts";
import type { DeclaredBudget } from "./budgets/budget-schema.ts";
import { dialectOf, protocolOf, tokenMarginOf } from "./dialect.ts";
import { limitsFor } from "./limits/limits.ts";
import { baseUrlProblem, type Parsed, parseDeclarations, tooLongDeclarations } from "./parse.ts";
import { presetOf } from "./presets.ts";
import { readBounded } from "./read-bounded.ts";
import type { DeclaredModel, DeclaredProvider, SluiceYaml } from "./schema.ts";
import { yamlBytesMax } from "./yaml-bounds.ts";

/** A key's secret also signs messages on Kafka, and everyone who reads one can try secrets against the signature. */
const keySecretLengthMin = 16;
const secretBytesMax = 65_536;

/** Reports that the file is not valid. The message names every error with its line, and no secret. */
export class DeclarationsInvalid extends Error {}

/** The declarations of one sluice.yaml, or of one version of the control topics. */
export class FileDeclarations extends Declarations {
  readonly #declared: SluiceYaml;
  readonly #version: bigint;
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #keys: readonly ApiKey[];
  readonly #tenantsWithTopics: ReadonlySet<string>;
  readonly #variants: ReadonlyMap<string, Variant>;
  readonly #additionalMembers: AdditionalMembers;
  readonly #priceBook: PriceBook;
  readonly #timeZones: ReadonlyMap<string, string>;
  /** By tenant, because every attempt needs them. */
  readonly #budgets = new Map<string, readonly Budget[]>();
  readonly #weights: ReadonlyMap<string, number>;
  /** By tenant and key, because every request needs them. Only declared keys send requests. */
  readonly #limits = new Map<string, readonly Limit[]>();

  /**
   * @param folder to which `file:` references are relative
   * @param environment in which `env:` references are looked up
   * @param version of the control topics; 0 for a file, which is read once
   */
  constructor(declared: SluiceYaml, folder: string, environment: NodeJS.ProcessEnv, version = 0n) {
    super();
    this.#version = version;
    this.#declared = declared;
    this.#folder = folder;
    this.#environment = environment;
    this.#keys = declared.tenants.flatMap(({ id: tenant, keys }) =>
      keys.map(({ secret, limits: _limits, ...key }) => ({
        ...key,
        tenant,
        secretReference: secret,
      })),
    );
    this.#tenantsWithTopics = new Set(
      declared.tenants.filter((tenant) => tenant.ownTopics).map(({ id }) => id),
    );
    const providers = new Map(declared.providers.map((provider) => [provider.id, provider]));
    this.#variants = new Map(
      declared.models.map((model) => [model.id, variantOf(model, providers.get(model.provider))]),
    );
    const dialects = [...this.#variants.values()].map(({ dialect }) => dialect);
    this.#additionalMembers = {
      requestMembers: new Set(dialects.flatMap(({ requestMembers }) => requestMembers)),
      answerMembers: new Set(dialects.flatMap(({ answerMembers }) => answerMembers)),
    };
    this.#timeZones = new Map(declared.tenants.map(({ id, timeZone }) => [id, timeZone]));
    this.#priceBook = new PriceBook(declared.models.flatMap(priceEntriesOf));
    this.#weights = new Map(declared.tenants.map(({ id, weight }) => [id, weight]));
  }

  /** @throws DeclarationsInvalid that lists all errors, or says that the file cannot be read */
  static read(path: string, environment: NodeJS.ProcessEnv): FileDeclarations {
    const { declared } = readDeclared(path);
    return new FileDeclarations(declared, dirname(resolve(path)), environment);
  }

  override version(): bigint {
    return this.#version;
  }

  override keys(): readonly ApiKey[] {
    return this.#keys;
  }

  override tenantsWithTopics(): ReadonlySet<string> {
    return this.#tenantsWithTopics;
  }

  override providers(): readonly Provider[] {
    return allOf(
      this.#declared.providers.map((provider) => () => ({
        id: provider.id,
        protocol: protocolOf(provider),
        baseUrl: this.#addressOf(provider),
        keyReferences: provider.keys,
        simulated: provider.simulated,
      })),
    );
  }

  override variants(): readonly Variant[] {
    return [...this.#variants.values()];
  }

  override variantOf(id: string): Variant | undefined {
    return this.#variants.get(id);
  }

  override additionalMembers(): AdditionalMembers {
    return this.#additionalMembers;
  }

  override priceBook(): PriceBook {
    return this.#priceBook;
  }

  override outputLimitOf(tier: Tier): number {
    return this.#declared.routing.outputLimits[tier];
  }

  override cachePolicyOf(): CachePolicy {
    return this.#declared.cache;
  }

  override tenants(): readonly string[] {
    return [...this.#timeZones.keys()];
  }

  override budgetsOf(tenant: string): readonly Budget[] {
    const budgets = this.#budgets.get(tenant) ?? budgetsFor(this.#declared.budgets, tenant);
    this.#budgets.set(tenant, budgets);
    return budgets;
  }

  override timeZoneOf(tenant: string): string {
    return this.#timeZones.get(tenant) ?? "UTC";
  }

  override weightOf(tenant: string): number {
    return this.#weights.get(tenant) ?? 1;
  }

  override limitsOf(tenant: string, key: string): readonly Limit[] {
    const place = `${tenant} ${key}`;
    const limits = this.#limits.get(place) ?? limitsFor(this.#declared, tenant, key);
    this.#limits.set(place, limits);
    return limits;
  }

  override samePromptPerMinute(): number {
    return this.#declared.loops.samePromptPerMinute;
  }

  override secretOf(reference: string): string {
    const secret = reference.startsWith("env:")
      ? this.#fromEnvironment(reference)
      : this.#fromFile(reference);
    if (secret) return secret;
    throw new DeclarationsInvalid(`The secret behind "${reference}" is empty. Set it to a value.`);
  }

  override keySecrets(): ReadonlyMap<string, string> {
    return new Map(allOf(this.#keys.map((key) => () => [key.id, this.secretOfKey(key)] as const)));
  }

  override secretOfKey({ id, secretReference, revoked }: ApiKey): string {
    const secret = this.secretOf(secretReference);
    // A revoked key is accepted nowhere, and an operator can revoke a key because its secret is short.
    if (revoked || secret.length >= keySecretLengthMin) return secret;
    throw new DeclarationsInvalid(
      `The secret of the key "${id}" behind "${secretReference}" has ${secret.length} characters, and at least ${keySecretLengthMin} are required. Generate one, for example with "openssl rand -hex 24".`,
    );
  }

  #addressOf({ id, preset, baseUrl, allowPlainHttp }: DeclaredProvider): string {
    // The parser has reported a provider that has neither.
    const declared = baseUrl ?? presetOf(preset)?.baseUrl ?? "";
    if (!declared.startsWith("env:")) return declared;
    const address = this.#fromEnvironment(declared);
    const problem = baseUrlProblem(address, allowPlainHttp);
    if (problem === undefined) return address;
    throw new DeclarationsInvalid(`The provider "${id}" has "${declared}": ${problem}.`);
  }

  #fromFile(reference: string): string {
    return textOf(resolve(this.#folder, reference.slice("file:".length)), secretBytesMax).trim();
  }

  #fromEnvironment(reference: string): string {
    const key = reference.slice("env:".length);
    const value = this.#environment[key];
    if (value) return value;
    throw new DeclarationsInvalid(`"${reference}" needs ${key} in the environment; set it.`);
  }
}

function budgetsFor(declared: readonly DeclaredBudget[], tenant: string): readonly Budget[] {
  return declared
    .filter((budget) => budget.tenant === undefined || budget.tenant === tenant)
    .map(({ id, limitUsd, soft, period, selector, each }) => ({
      id,
      limitNanoUsd: limitUsd,
      hard: !soft,
      period,
      selector,
      each,
    }));
}

function variantOf(model: DeclaredModel, served: DeclaredProvider | undefined): Variant {
  const { id, provider, tier, contextWindow } = model;
  const firstByteSeconds = model.timeToFirstByteSeconds ?? served?.timeToFirstByteSeconds;
  const accuracy = complexities.map((complexity) => [
    complexity,
    model.accuracy[complexity] ?? null,
  ]);
  return {
    id,
    provider,
    tier,
    contextWindow,
    pictureTokensMax: model.pictureTokensMax,
    tokenMarginPercent: tokenMarginOf(model, served),
    dimensions: model.dimensions ?? null,
    model: model.model ?? id,
    quantisation: model.quantisation ?? null,
    p95LatencyMs: model.p95LatencyMs ?? null,
    timeToFirstByteMs: firstByteSeconds === undefined ? null : firstByteSeconds * 1_000,
    hidesReasoning: model.hidesReasoning,
    dialect: dialectOf(model, served),
    accuracy: Object.fromEntries(accuracy),
  };
}

function priceEntriesOf({ id, prices }: DeclaredModel): readonly PriceEntry[] {
  return prices.map((price) => ({
    variant: id,
    effectiveFrom: price.effectiveFrom,
    inputAboveTokens: price.inputAboveTokens ?? null,
    rates: {
      inputNanoUsd: price.input,
      outputNanoUsd: price.output,
      cachedInputNanoUsd: price.cachedInput ?? null,
      cacheWriteNanoUsd: price.cacheWrite ?? null,
      cacheWriteHourNanoUsd: price.cacheWriteHour ?? null,
      reasoningNanoUsd: price.reasoning ?? null,
      otherNanoUsd: price.other,
    },
  }));
}

/** @throws DeclarationsInvalid that lists the problem of every value which cannot be had */
function allOf<T>(values: readonly (() => T)[]): readonly T[] {
  const problems: string[] = [];
  const found = values.flatMap((value) => {
    try {
      return [value()];
    } catch (error) {
      if (!(error instanceof DeclarationsInvalid)) throw error;
      problems.push(error.message);
      return [];
    }
  });
  if (problems.length > 0) throw new DeclarationsInvalid([...new Set(problems)].join("\n"));
  return found;
}

/**
 * Returns the content of a file that is valid.
 *
 * @throws DeclarationsInvalid that lists all errors with their lines, or says that the file cannot be read
 */
export function readDeclared(path: string): Extract<Parsed, { kind: "valid" }> {
  const parsed = parsedFile(path);
  if (parsed.kind === "valid") return parsed;
  const lines = parsed.errors.map(({ line, path: where, message }) =>
    [`  line ${line ?? "?"}`, where, message].filter(Boolean).join(": "),
  );
  throw new DeclarationsInvalid(`${path} cannot be used:\n${lines.join("\n")}`);
}

function parsedFile(path: string): Parsed {
  const text = boundedTextOf(path, yamlBytesMax);
  return text === undefined ? tooLongDeclarations() : parseDeclarations(text);
}

function textOf(path: string, bytesMax: number): string {
  const text = boundedTextOf(path, bytesMax);
  if (text !== undefined) return text;
  throw new DeclarationsInvalid(`${path} is longer than ${bytesMax} bytes. Correct the path.`);
}

function boundedTextOf(path: string, bytesMax: number): string | undefined {
  try {
    return readBounded(path, bytesMax);
  } catch (cause) {
    throw new DeclarationsInvalid(`${path} cannot be read. Create it or correct the path.`, {
      cause,
    });
  }
}
