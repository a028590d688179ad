import { afterEach, beforeEach, expect, test } from "vitest";
import { type Answer, RunningEdge } from "./running-edge.fixture.ts";

const places = 4;
const ofAcme = { authorization: "Bearer sk-sluice-k1-one-secret-of-search" };
const ofGlobex = { authorization: "Bearer sk-sluice-k3-three-secrets-of-ops" };

let edge: RunningEdge;

beforeEach(async () => {
  edge = await RunningEdge.start({ SLUICE_HTTP_WAITING_MAX: places });
});
afterEach(async () => {
  await edge.stop();
});

/** Sends different requests, which wait until they are answered. */
function ask(headers: Readonly<Record<string, string>>, count: number): Promise<Answer>[] {
  return Array.from({ length: count }, (_, index) => {
    const content = `${headers["authorization"]} ${index} ${edge.admitted.length}`;
    return edge.fetchChat({ model: "small", messages: [{ role: "user", content }] }, headers);
  });
}

async function untilAdmitted(count: number): Promise<void> {
  await expect.poll(() => edge.admitted.length).toBe(count);
}

test("a tenant that has taken all places does not cause 503s for another tenant", async () => {
  const first = ask(ofAcme, places);
  await untilAdmitted(places);
  const [refused] = await Promise.all(ask(ofAcme, 1));
  expect([refused?.status, refused?.error?.code]).toEqual([503, "overloaded"]);
  expect(refused?.headers.get("retry-after")).toBe("1");

  const others = ask(ofGlobex, places / 2);
  await untilAdmitted(places + places / 2);
  // It has its share now, and no place is free.
  const [beyond] = await Promise.all(ask(ofGlobex, 1));
  expect(beyond?.status).toBe(503);
  expect(await edge.metric("http_requests_waiting")).toBe(places + places / 2);

  await edge.answerAll();
  const answers = await Promise.all([...first, ...others]);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(await edge.metric("http_requests_waiting")).toBe(0);
});

test("a place that was returned is free for every tenant", async () => {
  const first = ask(ofAcme, places);
  await untilAdmitted(places);
  await edge.answerAll();
  await Promise.all(first);
  const next = ask(ofGlobex, places);
  await untilAdmitted(2 * places);
  await edge.answerAll();
  expect((await Promise.all(next)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});
