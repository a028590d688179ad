import type { TopicCodecs } from "@sluice/contracts";
import type { Budget, PriceBook, Tier } from "@sluice/domain";
import type { StageLogger, TopicFollower } from "@sluice/stage";
import {
  type AdditionalMembers,
  type ApiKey,
  type CachePolicy,
  Declarations,
  type Limit,
  type Provider,
  type Variant,
} from "../declarations.ts";
import { FileDeclarations } from "../file-declarations.ts";
import { checkDeclared, formatPath } from "../parse.ts";
import { ControlReader } from "./control-reader.ts";
import type { ControlState } from "./control-state.ts";
import { givenOf } from "./entries.ts";

export interface ControlParts {
  readonly follower: TopicFollower;
  readonly codecs: TopicCodecs;
  readonly logger: Pick<StageLogger, "info" | "error">;
  /** The folder to which `file:` references are relative. */
  readonly folder: string;
  /** In which `env:` references are looked up. */
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * The declarations on the control topics. A version is adopted when all of it has arrived, so that every answer is of one
 * version. A version that is incomplete or invalid is not adopted: the one before stays in force.
 */
export class ControlDeclarations extends Declarations {
  readonly #reader: ControlReader;
  readonly #parts: ControlParts;
  readonly #adopted = Promise.withResolvers<void>();
  #current: Declarations | undefined;
  #refused: bigint | undefined;

  private constructor(parts: ControlParts) {
    super();
    this.#parts = parts;
    this.#reader = new ControlReader(parts.follower, parts.codecs, parts.logger, () =>
      this.#adopt(this.#reader.state),
    );
  }

  /**
   * Resolves when the topics were read to the end that they had, and a version is in force. Waits indefinitely for the
   * broker and for the first apply, because a service can decide nothing without declarations.
   */
  static async follow(parts: ControlParts): Promise<ControlDeclarations> {
    const declarations = new ControlDeclarations(parts);
    await declarations.#reader.caughtUp();
    if (declarations.#current === undefined)
      parts.logger.info({}, "waiting for declarations: run sluice apply");
    await declarations.#adopted.promise;
    return declarations;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  #adopt(state: ControlState): void {
    const { version } = state;
    if (!state.isComplete || version === this.#current?.version() || version === this.#refused)
      return;
    const checked = checkDeclared(givenOf(state.entries));
    if (checked.kind === "invalid") {
      const [{ path, message } = { path: [], message: "unknown" }] = checked.issues;
      this.#parts.logger.error(
        { version: String(version), path: formatPath(path), reason: message },
        "this version of the declarations cannot be used; the one before stays in force",
      );
      this.#refused = version;
      return;
    }
    const { folder, environment } = this.#parts;
    this.#current = new FileDeclarations(checked.declared, folder, environment, version);
    this.#adopted.resolve();
  }

  get #now(): Declarations {
    // `follow` returns no instance before a version is in force.
    return this.#current!;
  }

  override version(): bigint {
    return this.#now.version();
  }

  override keys(): readonly ApiKey[] {
    return this.#now.keys();
  }

  override providers(): readonly Provider[] {
    return this.#now.providers();
  }

  override variants(): readonly Variant[] {
    return this.#now.variants();
  }

  override variantOf(id: string): Variant | undefined {
    return this.#now.variantOf(id);
  }

  override additionalMembers(): AdditionalMembers {
    return this.#now.additionalMembers();
  }

  override priceBook(): PriceBook {
    return this.#now.priceBook();
  }

  override outputLimitOf(tier: Tier): number {
    return this.#now.outputLimitOf(tier);
  }

  override cachePolicyOf(tenant: string): CachePolicy {
    return this.#now.cachePolicyOf(tenant);
  }

  override tenants(): readonly string[] {
    return this.#now.tenants();
  }

  override tenantsWithTopics(): ReadonlySet<string> {
    return this.#now.tenantsWithTopics();
  }

  override budgetsOf(tenant: string): readonly Budget[] {
    return this.#now.budgetsOf(tenant);
  }

  override timeZoneOf(tenant: string): string {
    return this.#now.timeZoneOf(tenant);
  }

  override weightOf(tenant: string): number {
    return this.#now.weightOf(tenant);
  }

  override limitsOf(tenant: string, key: string): readonly Limit[] {
    return this.#now.limitsOf(tenant, key);
  }

  override samePromptPerMinute(): number {
    return this.#now.samePromptPerMinute();
  }

  override keySecrets(): ReadonlyMap<string, string> {
    return this.#now.keySecrets();
  }

  override secretOfKey(key: ApiKey): string {
    return this.#now.secretOfKey(key);
  }

  override secretOf(reference: string): string {
    return this.#now.secretOf(reference);
  }
}
