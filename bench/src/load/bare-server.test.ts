import { expect, test } from "vitest";
import { bareAnswerOf } from "./bare-server.ts";

test("the bare server sends the headers and body of the pipeline, except the headers that Node adds itself", () => {
  const head =
    "HTTP/1.1 200 OK\r\nx-sluice-cache: exact-hit\r\nContent-Length: 2\r\nDate: now: then\r\nConnection: keep-alive\r\n\r\n";
  expect(bareAnswerOf({ head, body: "{}" }, 60)).toEqual({
    headers: { "x-sluice-cache": "exact-hit", "Content-Length": "2" },
    body: "{}",
    afterMs: 60,
  });
});
