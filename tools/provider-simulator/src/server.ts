import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { FileBillJournal, NoBillJournal } from "./bill/bill-journal.ts";
import type { SimulatorConfig } from "./config.ts";
import { emptyScript, parseScript } from "./faults/script.ts";
import { Simulator } from "./simulator.ts";
import { loadVocabulary } from "./vocabulary.ts";

/** A listening simulator. */
export interface RunningSimulator {
  readonly url: string;
  /** Ends open calls and stops listening. Open streams are billed for the tokens that were sent. */
  close(): Promise<void>;
}

/**
 * Starts the simulator.
 *
 * @throws Error if the port is in use, or if the script, the bill or the vocabulary cannot be read
 */
export async function startSimulator(config: SimulatorConfig): Promise<RunningSimulator> {
  const { key, controlKey, speed, scriptPath, billPath } = config;
  const simulator = new Simulator({
    key,
    controlKey,
    speed,
    script: scriptPath ? parseScript(JSON.parse(readFileSync(scriptPath, "utf8"))) : emptyScript,
    journal: billPath ? new FileBillJournal(billPath) : new NoBillJournal(),
    countTexts: await loadVocabulary(),
  });
  const server = createServer((request, response) => void simulator.handle(request, response));
  // If the server closed an idle connection just as a client reuses it, the client could not know whether
  // its call was billed. A long time-out makes this rare.
  server.keepAliveTimeout = 75_000;
  server.listen(config.port, config.host);
  await once(server, "listening");

  const port = portOf(server);
  return {
    url: `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("The server does not listen on TCP.");
  return address.port;
}
