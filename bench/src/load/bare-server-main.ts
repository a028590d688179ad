import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { BareAnswer } from "./bare-server.ts";

// A plain `node:http` server. It reads the whole request, waits as long as the provider would, and sends the
// same bytes to every client. It receives these bytes from the bench.
let answer: BareAnswer = { headers: {}, body: "", afterMs: 0 };

const server = createServer((request, response) => {
  request.resume();
  request.once("end", () => {
    if (answer.afterMs === 0) send();
    else void sleep(answer.afterMs).then(send);
  });
  const send = (): void => {
    response.writeHead(200, answer.headers).end(answer.body);
  };
});
server.keepAliveTimeout = 60_000;

process.on("message", (next: BareAnswer) => {
  answer = next;
  process.send?.("taken");
});
process.on("disconnect", () => process.exit(0));

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
});
