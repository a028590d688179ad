import type { IncomingMessage } from "node:http";

/** The connection is closed beyond these limits, because no client sends this much by mistake. */
const droppedBytesMax = 64 * 1_024 * 1_024;
const droppedMsMax = 10_000;

/**
 * Drops the rest of a refused body, of which nothing stays in memory. Many clients read nothing
 * before they have sent everything. If the server closed the connection earlier, they would report a
 * broken connection and try again, and would never read the refusal.
 */
export async function dropRest(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  let dropped = 0;
  const drop = (chunk: Buffer): void => {
    dropped += chunk.length;
    if (dropped > droppedBytesMax) resolve();
  };
  const timer = setTimeout(resolve, droppedMsMax);
  request.on("data", drop).once("end", resolve).once("close", resolve).once("error", resolve);
  request.resume();
  await promise;
  clearTimeout(timer);
  request.off("data", drop);
  if (!request.complete) request.socket.destroy();
}
