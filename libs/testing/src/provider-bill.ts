/** One attempt on the simulator's own bill. */
export interface BilledAttempt {
  readonly attemptId: string;
  /** The number of calls. More than one means that the attempt was paid twice. */
  readonly calls: number;
  readonly status: "open" | "billed" | "unbilled";
  readonly costNanoUsd: bigint;
  readonly reason: string;
}

export interface ProviderBill {
  readonly attempts: ReadonlyMap<string, BilledAttempt>;
  readonly totalNanoUsd: bigint;
}

interface BillAnswer {
  readonly attempts: readonly (Omit<BilledAttempt, "costNanoUsd"> & {
    readonly costNanoUsd: string;
  })[];
  readonly totalNanoUsd: string;
}

/** The provider simulator of a pipeline. */
export interface SimulatorAccess {
  /** Base address. */
  readonly url: string;
  /** The key of the routes that control it. */
  readonly controlKey: string;
}

/** Sends a request to a route that controls the simulator: `/bill`, `/script` or `/calls`. */
export async function controlSimulator(
  { url, controlKey }: SimulatorAccess,
  path: string,
  request: { readonly method?: string; readonly body?: string } = {},
): Promise<Response> {
  const headers = { "x-simulator-control-key": controlKey };
  return fetch(`${url}${path}`, { ...request, headers });
}

/** Returns the simulator's own bill, with which tests compare the ledger. */
export async function fetchBill(simulator: SimulatorAccess): Promise<ProviderBill> {
  const answer = await controlSimulator(simulator, "/bill");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the simulator's documented shape
  const bill = (await answer.json()) as BillAnswer;
  const attempts = bill.attempts.map(
    (attempt) =>
      [attempt.attemptId, { ...attempt, costNanoUsd: BigInt(attempt.costNanoUsd) }] as const,
  );
  return { attempts: new Map(attempts), totalNanoUsd: BigInt(bill.totalNanoUsd) };
}
