import { SystemClock } from "@sluice/domain";
import { afterAll, beforeAll } from "vitest";
import { providerContract } from "../provider.contract.ts";
import { CohereProvider } from "./cohere-provider.fixture.ts";
import { type CohereServer, startCohereServer } from "./cohere-server.fixture.ts";

const timeouts = { connectMs: 2_000, beginMs: 1_200, silenceMs: 600 };

let server: CohereServer;
let provider: CohereProvider;
beforeAll(async () => {
  server = await startCohereServer();
  const endpoint = { id: "acme-ai", baseUrl: server.url, keys: ["sk-test"] };
  provider = new CohereProvider([endpoint], timeouts, new SystemClock());
});
afterAll(async () => {
  provider.close();
  await server.stop();
});

providerContract("the third protocol of the guide", () => provider, "command-a");
