import fc from "fast-check";
import { expect, test } from "vitest";
import { ResponseReader } from "./response-reader.ts";

const response = Buffer.from(
  "HTTP/1.1 200 OK\r\nx-sluice-cache: exact-hit\r\nContent-Length: 7\r\n\r\nanswer!",
);

test("a response is complete once its last byte has arrived, wherever the network splits it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: response.length - 1 }), (cut) => {
      const reader = new ResponseReader();
      expect(reader.push(response.subarray(0, cut))).toBeUndefined();
      const whole = reader.push(response.subarray(cut));
      expect(whole?.status).toBe(200);
      expect(whole?.bytes.toString("latin1", whole.bodyAt)).toBe("answer!");
    }),
  );
});

test("the next response on the same socket begins where the previous one ended", () => {
  const reader = new ResponseReader();
  reader.push(response);
  const refused = Buffer.from("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
  expect(reader.push(refused)?.status).toBe(503);
});

test("a response without a declared length is refused, because its end cannot be determined", () => {
  const chunked = Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  expect(() => new ResponseReader().push(chunked)).toThrow("content-length");
});
