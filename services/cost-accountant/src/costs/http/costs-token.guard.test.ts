import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { type DynamicModule, Module } from "@nestjs/common";
import { AdminServer, TelemetryModule } from "@sluice/telemetry";
import { afterEach, expect, test } from "vitest";
import { InMemoryLedger } from "../../ledger/in-memory-ledger.ts";
import { Ledger } from "../../ledger/ledger.ts";
import { CostsModule } from "./costs.module.ts";
import { createHttp } from "./create-http.ts";

@Module({})
class LedgerModule {
  static forRoot(): DynamicModule {
    const provider = { provide: Ledger, useValue: new InMemoryLedger() };
    return { module: LedgerModule, global: true, providers: [provider], exports: [Ledger] };
  }
}

@Module({})
class AppModule {}

const token = "the-token-of-the-operator";
let stop: (() => Promise<void>) | undefined;
afterEach(() => stop?.());

async function started(declared: string | undefined): Promise<number> {
  const telemetry = TelemetryModule.forRoot({
    service: "suite",
    logLevel: "silent",
    adminHost: "127.0.0.1",
    adminPort: 0,
  });
  const imports = [telemetry, LedgerModule.forRoot(), CostsModule.forRoot({ token: declared })];
  const app = await createHttp({ module: AppModule, imports });
  await app.init();
  stop = () => app.close();
  return app.get(AdminServer).port;
}

async function get(port: number, path: string, authorization?: string) {
  const headers = authorization === undefined ? {} : { authorization };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  const { status } = response;
  return { status, asks: response.headers.get("www-authenticate"), body: await response.text() };
}

test("a token that is declared is required on every query, also on loopback", async () => {
  const port = await started(token);
  expect(await get(port, "/costs", `Bearer ${token}`)).toMatchObject({ status: 200, asks: null });
  expect(await get(port, "/costs", `bearer ${token}`)).toMatchObject({ status: 200 });
  for (const path of ["/costs", "/costs?by=tenant", "/costs?form=tier", "/x/../costs"])
    expect(await get(port, path)).toEqual({
      status: 401,
      asks: 'Bearer realm="costs"',
      body: '{"error":"The costs need a token. Send SLUICE_COSTS_TOKEN as Authorization: Bearer <token>."}\n',
    });
});

test.each([
  "Bearer the-token-of-the-operatoR",
  "Bearer the-token-of-the-operator2",
  "Bearer the-token",
  "Bearer ",
  `Basic ${token}`,
  token,
  `Bearer ${token} ${token}`,
])("the header '%s' is refused and not repeated", async (authorization) => {
  const port = await started(token);
  const answer = await get(port, "/costs", authorization);
  expect(answer).toMatchObject({ status: 401, asks: 'Bearer realm="costs"' });
  expect(answer.body).not.toContain("the-token");
});

test("health, readiness and metrics need no token", async () => {
  const port = await started(token);
  for (const path of ["/healthz", "/readyz", "/metrics"])
    expect(await get(port, path)).toMatchObject({ status: 200 });
});

test("without a declared token, the costs are answered to every request", async () => {
  const port = await started(undefined);
  expect(await get(port, "/costs")).toMatchObject({ status: 200 });
  expect(await get(port, "/costs", "Bearer any")).toMatchObject({ status: 200 });
});

test("a foreign host is refused before the token is looked at", async () => {
  const socket = connect(await started(token), "127.0.0.1");
  socket.end(
    `GET /costs HTTP/1.1\r\nhost: evil.example\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
  );
  expect(await text(socket)).toContain("421 Misdirected Request");
});
