import { Injectable } from "@nestjs/common";
import { withTimeout } from "@sluice/domain";

/** Returns true when the dependency can be used now. A thrown error counts as false. */
export type ReadinessProbe = () => boolean | Promise<boolean>;

/** A probe that hangs must not make the response hang. */
const probeTimeoutMs = 2_000;

/** The dependencies without which a service cannot work, by name. */
@Injectable()
export class Readiness {
  readonly #probes = new Map<string, ReadinessProbe>();

  add(name: string, probe: ReadinessProbe): void {
    this.#probes.set(name, probe);
  }

  async check(): Promise<{ ready: boolean; dependencies: Readonly<Record<string, boolean>> }> {
    const results = await Promise.all(
      [...this.#probes].map(async ([name, probe]) => [name, await holds(probe)] as const),
    );
    return {
      ready: results.every(([, ready]) => ready),
      dependencies: Object.fromEntries(results),
    };
  }
}

async function holds(probe: ReadinessProbe): Promise<boolean> {
  try {
    return await withTimeout(Promise.resolve(probe()), probeTimeoutMs, () => false);
  } catch {
    return false;
  }
}
