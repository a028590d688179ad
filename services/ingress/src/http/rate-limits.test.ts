import { afterEach, expect, test } from "vitest";
import { limitedBy } from "../declarations.fixture.ts";
import { type Answer, RunningEdge } from "./running-edge.fixture.ts";

const ofGlobex = { authorization: "Bearer sk-sluice-k3-three-secrets-of-ops" };

let edge: RunningEdge;

async function start(limits: string): Promise<void> {
  edge = await RunningEdge.start({}, limitedBy(limits));
}
afterEach(async () => {
  await edge.stop();
});

let questions = 0;

function ask(
  changed: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const content = `Question ${questions++}?`;
  const messages = [{ role: "user", content }];
  return edge.fetchChat({ model: "small", messages, ...changed }, headers);
}

/** Sends a request and answers it. */
async function askAndAnswer(
  changed: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const before = edge.admitted.length;
  const asking = ask(changed, headers);
  await expect.poll(() => edge.admitted.length).toBe(before + 1);
  await edge.answerAll();
  return asking;
}

function limitHeadersOf({ headers }: Answer): Readonly<Record<string, string>> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith("x-ratelimit-")));
}

test("a request above a limit of its user is a 429 with OpenAI's envelope and the time to wait", async () => {
  await start(
    "limits: [{ id: users, selector: { team: [search, ops] }, each: [user], requestsPerMinute: 2 }]",
  );
  const first = await askAndAnswer();
  expect(first.status).toBe(200);
  expect(limitHeadersOf(first)).toEqual({
    "x-ratelimit-limit-requests": "2",
    "x-ratelimit-remaining-requests": "1",
    "x-ratelimit-reset-requests": expect.stringMatching(/^(30|29\.9\d*)s$/),
  });
  await askAndAnswer();

  const refused = await ask();
  expect(refused.status).toBe(429);
  expect(refused.error).toMatchObject({
    ...{ code: "rate_limit_exceeded", type: "rate_limit_error", param: null },
    message: expect.stringMatching(
      /^The limit "users user=bot" allows 2 requests per minute\. Try again in [\d.]+ s\.$/,
    ),
  });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(25);
  expect(Number(refused.headers.get("retry-after-ms"))).toBeGreaterThan(25_000);
  expect(refused.headers.get("x-should-retry")).toBeNull();
  expect(limitHeadersOf(refused)["x-ratelimit-remaining-requests"]).toBe("0");
  expect(edge.admitted.length).toBe(2);
  expect(await edge.metric("limit_checks_total", { result: "requests" })).toBe(1);

  // A user of the same name in another tenant has a limit of its own.
  expect((await askAndAnswer({}, ofGlobex)).status).toBe(200);
});

test.each([
  ["whole", { stream: false }],
  ["streamed", { stream: true }],
])(
  "tokens are counted by an estimate, and by the usage when there is an answer: %s",
  async (_, form) => {
    await start("limits: [{ id: tokens, tokensPerMinute: 1000 }]");
    const first = await askAndAnswer({ max_completion_tokens: 900, ...form });
    expect(first.status).toBe(200);
    expect(first.headers.get("x-ratelimit-remaining-tokens")).toMatch(/^\d\d$/);

    const second = await askAndAnswer({ max_completion_tokens: 800, ...form });
    expect(second.status).toBe(200);

    const tooLong = await ask({ max_completion_tokens: 1_000 });
    expect([tooLong.status, tooLong.error?.code]).toEqual([429, "rate_limit_exceeded"]);
    expect(tooLong.error?.message).toContain("counts as 10");
    expect(tooLong.headers.get("retry-after")).toBeNull();
    expect(tooLong.headers.get("x-should-retry")).toBe("false");
  },
);

test("as many requests run as the concurrency allows, and one that ends makes room", async () => {
  await start("limits: [{ id: together, concurrency: 1 }]");
  const running = ask();
  await expect.poll(() => edge.admitted.length).toBe(1);
  const refused = await ask();
  expect([refused.status, refused.error?.code]).toEqual([429, "rate_limit_exceeded"]);
  expect(refused.headers.get("retry-after")).toBe("1");
  await edge.answerAll();
  expect((await running).status).toBe(200);
  expect((await askAndAnswer()).status).toBe(200);
});

test("a prompt that one key sends too often is a 429 that names the loop, whatever else differs", async () => {
  await start("loops: { samePromptPerMinute: 2 }");
  const messages = [{ role: "user", content: "Are we there yet?" }];
  const noStore = { "x-sluice-cache": "no-store" };
  for (const step of ["1", "2"]) {
    const headers = { ...noStore, "x-sluice-step": step };
    expect((await askAndAnswer({ messages, seed: Number(step) }, headers)).status).toBe(200);
  }
  const looping = await ask({ messages }, { ...noStore, "x-sluice-step": "3" });
  expect([looping.status, looping.error?.code]).toEqual([429, "loop_detected"]);
  expect(looping.error?.message).toContain('The key "k1" sends the same prompt more than 2 times');
  expect(looping.headers.get("retry-after")).toMatch(/^(29|30)$/);
  expect(looping.headers.get("x-should-retry")).toBe("false");
  // Neither another prompt nor the same prompt of another key is part of the loop.
  expect((await askAndAnswer({}, noStore)).status).toBe(200);
  expect((await askAndAnswer({ messages }, { ...noStore, ...ofGlobex })).status).toBe(200);
});

test("repeats with an idempotency key and retries that join a running request are not counted", async () => {
  await start("loops: { samePromptPerMinute: 1 }\nlimits: [{ id: all, requestsPerMinute: 1 }]");
  const messages = [{ role: "user", content: "Once?" }];
  const first = await askAndAnswer({ messages }, { "idempotency-key": "once" });
  const repeat = await ask({ messages }, { "idempotency-key": "once" });
  expect([first.status, repeat.status]).toEqual([200, 200]);
  const retry = await ask({ messages }, { "x-stainless-retry-count": "1" });
  expect(retry.status).toBe(200);
  expect(edge.admitted.length).toBe(1);
});
