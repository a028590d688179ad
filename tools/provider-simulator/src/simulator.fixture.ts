import { expect } from "vitest";
import { controlKeyHeader } from "./control-access.ts";
import { isObject, type JsonObject } from "./json.ts";
import { startSimulator } from "./server.ts";

export const key = "sk-simulator-test";
const controlKey = "control-test";

/** A simulator of a test, fifty times as fast as a real provider, with access to its bill and its script. */
export interface TestSimulator {
  readonly url: string;
  /** Calls a route that controls the simulator, and returns its body. */
  control(method: string, path: string, body?: object): Promise<JsonObject>;
  billed(attemptId: string): Promise<JsonObject>;
  /**
   * Returns the attempt once all its calls have ended. The simulator detects the disconnect of a client only after a
   * short time.
   */
  ended(attemptId: string): Promise<JsonObject>;
  close(): Promise<void>;
}

export async function startTestSimulator(): Promise<TestSimulator> {
  const simulator = await startSimulator({
    host: "127.0.0.1",
    port: 0,
    key,
    controlKey,
    speed: 50,
    scriptPath: undefined,
    billPath: undefined,
  });
  const { url } = simulator;
  const control = async (method: string, path: string, body?: object): Promise<JsonObject> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { [controlKeyHeader]: controlKey },
      ...(body && { body: JSON.stringify(body) }),
    });
    expect(response.status).toBe(200);
    const answer: unknown = await response.json();
    return isObject(answer) ? answer : {};
  };
  const billed = (attemptId: string): Promise<JsonObject> => control("GET", `/bill/${attemptId}`);
  return {
    url,
    control,
    billed,
    ended: async (attemptId) => {
      await expect.poll(() => billed(attemptId)).toMatchObject({ open: 0 });
      return billed(attemptId);
    },
    close: () => simulator.close(),
  };
}

/** Returns the options of a call with an attempt id, and with a fault if one is given. */
export function named(attemptId: string, fault?: string) {
  return {
    headers: {
      "x-client-request-id": attemptId,
      ...(fault !== undefined && { "x-simulator-fault": fault }),
    },
  };
}
