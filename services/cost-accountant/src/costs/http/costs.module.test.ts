import { type DynamicModule, Module } from "@nestjs/common";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import { AdminServer, TelemetryModule } from "@sluice/telemetry";
import { afterAll, beforeAll, expect, test } from "vitest";
import { InMemoryLedger } from "../../ledger/in-memory-ledger.ts";
import { type Costs, Ledger } from "../../ledger/ledger.ts";
import { CostsModule } from "./costs.module.ts";
import { createHttp } from "./create-http.ts";

class FailingLedger extends InMemoryLedger {
  failure: Error | undefined;

  override async costs(...query: Parameters<Ledger["costs"]>): Promise<Costs> {
    if (this.failure) throw this.failure;
    return super.costs(...query);
  }
}

const ledger = new FailingLedger();
let app: NestFastifyApplication;
let address: string;

@Module({})
class LedgerModule {
  static forRoot(): DynamicModule {
    const provider = { provide: Ledger, useValue: ledger };
    return { module: LedgerModule, global: true, providers: [provider], exports: [Ledger] };
  }
}

@Module({})
class AppModule {}

beforeAll(async () => {
  const telemetry = TelemetryModule.forRoot({
    service: "suite",
    logLevel: "silent",
    adminHost: "127.0.0.1",
    adminPort: 0,
  });
  const imports = [telemetry, LedgerModule.forRoot(), CostsModule.forRoot({ token: undefined })];
  app = await createHttp({ module: AppModule, imports });
  await app.init();
  address = `http://127.0.0.1:${app.get(AdminServer).port}`;
});
afterAll(() => app.close());

async function get(path: string, method = "GET") {
  const response = await fetch(`${address}${path}`, { method });
  const type = response.headers.get("content-type");
  return { status: response.status, type, body: await response.text() };
}

test("costs are answered as JSON on the admin port", async () => {
  const { body, ...head } = await get("/costs");
  expect(head).toEqual({ status: 200, type: "application/json" });
  expect(body.endsWith("}\n")).toBe(true);
  expect(JSON.parse(body)).toMatchObject({ by: ["tenant"], rows: [], truncated: false });
});

test("a query with an unknown parameter or dimension is refused by its name", async () => {
  const refused = { status: 400, type: "application/json" };
  expect(await get("/costs?form=tier")).toEqual({
    ...refused,
    body: '{"error":"There is no parameter \\"form\\". Use by, tenant, since, until."}\n',
  });
  expect(await get("/costs?by=tier,colour")).toMatchObject(refused);
});

test("of a repeated parameter the first value counts", async () => {
  expect((await get("/costs?by=tier&by=colour")).status).toBe(200);
  expect((await get("/costs?by=colour&by=tier")).status).toBe(400);
});

test("a ledger that fails is answered with status 500 and the reason", async () => {
  ledger.failure = new Error("no connection to the ledger");
  const answer = await get("/costs");
  ledger.failure = undefined;
  expect(answer).toEqual({
    status: 500,
    type: "application/json",
    body: '{"error":"no connection to the ledger"}\n',
  });
});

test("other methods and paths are answered as elsewhere on the admin port", async () => {
  expect((await get("/costs", "POST")).status).toBe(405);
  expect((await get("/costs", "HEAD")).status).toBe(405);
  expect((await get("/costs/")).status).toBe(404);
  expect(await get("/healthz")).toEqual({
    status: 200,
    type: "application/json",
    body: '{"alive":true}\n',
  });
});
