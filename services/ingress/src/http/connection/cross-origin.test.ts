import { afterEach, expect, test } from "vitest";
import { configSchema } from "../../config.ts";
import { authorization, closedText, RunningEdge } from "../running-edge.fixture.ts";

const page = "https://app.example.com";
const waitMs = { timeout: 20_000 };

let edge: RunningEdge;
afterEach(() => edge?.abandon());

async function started(origins: readonly string[] = [page, "http://localhost:3000"]) {
  edge = await RunningEdge.start({ SLUICE_HTTP_CORS_ORIGINS: [...origins] });
}

function corsOf(headers: Headers): readonly string[] {
  return [...headers.keys()].filter((name) => name.startsWith("access-control-"));
}

const preflight = {
  method: "OPTIONS",
  headers: {
    origin: page,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang,x-sluice-cache",
  },
};

test.each([
  ["/v1/chat/completions", "OPTIONS, POST"],
  ["/v1/embeddings", "OPTIONS, POST"],
  ["/v1/models", "GET, HEAD, OPTIONS"],
  ["/v1/models/small", "GET, HEAD, OPTIONS"],
])("a preflight for %s from an allowed page is answered without a key", async (path, methods) => {
  await started();
  const { status, headers, text } = await edge.fetch(path, preflight);
  expect([status, text]).toEqual([204, ""]);
  expect(headers.get("access-control-allow-origin")).toBe(page);
  expect(headers.get("access-control-allow-methods")).toBe(methods);
  expect(headers.get("access-control-allow-headers")).toBe(
    "authorization, content-type, x-stainless-lang, x-sluice-cache",
  );
  expect(headers.get("access-control-max-age")).toBe("7200");
  expect(headers.get("vary")).toContain("origin");
  expect(headers.has("access-control-allow-credentials")).toBe(false);
});

test.each([
  "https://evil.example.com",
  "null",
  `${page}.evil.com`,
  "http://app.example.com",
  page.toUpperCase(),
])("a page of the origin %s may neither ask nor read", async (origin) => {
  await started();
  const { headers } = await edge.fetch("/v1/models", {
    ...preflight,
    headers: { ...preflight.headers, origin },
  });
  expect(corsOf(headers)).toEqual([]);
  expect(headers.get("vary")).toBe("origin");
  const answer = await edge.fetch("/v1/models", { headers: { origin, authorization } });
  expect([answer.status, ...corsOf(answer.headers)]).toEqual([200]);
  expect(answer.headers.get("vary")).toBe("origin");
});

test("without allowed origins, no response has a header for browsers", async () => {
  await started([]);
  const answers = [
    await edge.fetch("/v1/models", preflight),
    await edge.fetch("/v1/models", { headers: { origin: page, authorization } }),
    await edge.fetch("/v1/models", { headers: { origin: page } }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([204, 200, 401]);
  for (const { headers } of answers)
    expect([...corsOf(headers), headers.get("vary")]).toEqual([null]);
});

test("an answer, a stream and each error can be read by an allowed page", async () => {
  await started();
  const origin = { origin: page };
  const chat = { model: "auto", messages: [{ role: "user", content: "Page?" }] };
  const whole = edge.fetchChat(chat, origin);
  const stream = edge.fetchChat({ ...chat, stream: true, seed: 1 }, origin);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(2);
  await edge.answerAll();
  const failing = edge.fetchChat({ ...chat, seed: 2 }, origin);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(3);
  await edge.failAll("provider_failed");
  const answers = [
    await whole,
    await stream,
    await failing,
    await edge.fetchChat(chat, { ...origin, authorization: "Bearer no" }),
    await edge.fetchChat("{", origin),
    await edge.fetchChat(chat, { ...origin, "content-type": "text/plain" }),
    await edge.fetchChat("x".repeat(800_000), origin),
    await edge.fetch("/v1/nothing", { headers: origin }),
    await edge.fetch("/v1/models/%zz", { headers: origin }),
    await edge.fetch("/v1/models", { method: "DELETE", headers: origin }),
  ];
  const statuses = answers.map(({ status }) => status);
  expect(statuses).toEqual([200, 200, 502, 401, 400, 415, 413, 404, 404, 405]);
  for (const { headers } of answers) {
    expect(headers.get("access-control-allow-origin")).toBe(page);
    expect(headers.get("vary")).toBe("origin");
    const exposed = headers.get("access-control-expose-headers")!.split(", ");
    expect(exposed).toEqual(
      expect.arrayContaining([
        "x-sluice-request-id",
        "x-request-id",
        "retry-after",
        "x-should-retry",
      ]),
    );
  }
});

test("a refusal by the queue can be read by an allowed page, and a preflight does not wait in it", async () => {
  await started();
  edge.overload();
  const shed = await edge.fetchChat({}, { origin: page });
  expect([shed.status, shed.headers.get("access-control-allow-origin")]).toEqual([503, page]);
  expect((await edge.fetch("/v1/models", preflight)).status).toBe(204);
});

test.each([
  ["GET", "/v1/chat/completions", "OPTIONS, POST"],
  ["PUT", "/v1/chat/completions?x=1", "OPTIONS, POST"],
  ["DELETE", "/v1/embeddings", "OPTIONS, POST"],
  ["POST", "/v1/models", "GET, HEAD, OPTIONS"],
  ["PATCH", "/v1/models/small", "GET, HEAD, OPTIONS"],
  ["HEAD", "/v1/chat/completions", "OPTIONS, POST"],
  ["PROPFIND", "/v1/models", "GET, HEAD, OPTIONS"],
])("%s %s is a 405 with the methods of the path", async (method, path, allow) => {
  await started([]);
  const body = method === "POST" || method === "PUT" ? "{}" : null;
  const { status, headers, error } = await edge.fetch(path, {
    ...{ method, body, headers: { authorization, "content-type": "application/json" } },
  });
  expect([status, headers.get("allow")]).toEqual([405, allow]);
  // The response to HEAD has no body.
  expect(error?.code).toBe(method === "HEAD" ? undefined : "method_not_allowed");
  expect(edge.logged).toEqual([]);
});

test.each([
  ["GET", "/v1/engines"],
  ["POST", "/v1/chat/completions/"],
  ["POST", "/v1/Chat/completions"],
  ["OPTIONS", "/v1/engines"],
  ["HEAD", "/"],
  ["GET", "/v1/models/"],
])("%s %s is a 404, because the path does not exist", async (method, path) => {
  await started([]);
  const { status, error } = await edge.fetch(path, { method, headers: { authorization } });
  expect(status).toBe(404);
  expect(error?.code).toBe(method === "HEAD" ? undefined : "not_found");
});

test("HEAD has the status and the headers of GET, and no body", async () => {
  await started([]);
  const get = await edge.fetch("/v1/models", { headers: { authorization } });
  const head = await edge.fetch("/v1/models", { method: "HEAD", headers: { authorization } });
  expect([head.status, head.text]).toEqual([200, ""]);
  expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
  const stranger = await edge.fetch("/v1/models", { method: "HEAD" });
  expect([stranger.status, stranger.text]).toEqual([401, ""]);
  expect(stranger.headers.get("www-authenticate")).toBe('Bearer realm="Sluice"');
  const unknown = await edge.fetch("/v1/models/gpt-17", {
    method: "HEAD",
    headers: { authorization },
  });
  expect([unknown.status, unknown.text]).toEqual([404, ""]);
});

test("OPTIONS without a page has the methods of the path, and of all paths for *", async () => {
  await started();
  const one = await edge.fetch("/v1/embeddings", { method: "OPTIONS" });
  expect([one.status, one.headers.get("allow"), ...corsOf(one.headers)]).toEqual([
    204,
    "OPTIONS, POST",
  ]);
  const socket = await edge.open("OPTIONS * HTTP/1.1", "host: x", "connection: close", "", "");
  const all = await closedText(socket);
  expect(all).toMatch(/^HTTP\/1.1 204 [^]*allow: GET, HEAD, OPTIONS, POST\r\n/);
});

test("OPTIONS with a long body receives its answer, and nothing of the body is kept", async () => {
  await started();
  const length = 20 * 1_024 * 1_024;
  const socket = await edge.open(
    ...["OPTIONS /v1/models HTTP/1.1", "host: x", `content-length: ${length}`, "", ""],
  );
  socket.pause();
  await new Promise((resolve) => socket.write(Buffer.alloc(length), resolve));
  expect(await closedText(socket)).toMatch(/^HTTP\/1.1 204 /);
});

test("a header name that is not a token does not reach the answer to a preflight", async () => {
  await started();
  const headers = {
    ...preflight.headers,
    "access-control-request-headers": "a b, \u00e9, x-good, ",
  };
  const answer = await edge.fetch("/v1/models", { ...preflight, headers });
  expect(answer.headers.get("access-control-allow-headers")).toBe("x-good");
});

test.each([
  ["", []],
  [" https://a.example , http://localhost:3000,", ["https://a.example", "http://localhost:3000"]],
])("the setting '%s' is a list of origins", (text, origins) => {
  const { shape } = configSchema;
  expect(shape.SLUICE_HTTP_CORS_ORIGINS.parse(text)).toEqual(origins);
});

test.each([
  "*",
  "null",
  "app.example.com",
  "https://a.example/",
  "https://A.example",
  "https://a.example:443",
  "ftp://a.example",
  "https://*.example",
])("the setting '%s' is refused with the remedy", (text) => {
  const parsed = configSchema.shape.SLUICE_HTTP_CORS_ORIGINS.safeParse(text);
  expect(parsed.error?.issues[0]?.message).toContain("https://app.example.com");
});
