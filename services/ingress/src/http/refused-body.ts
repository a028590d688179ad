import type { IncomingMessage } from "node:http";

/** Beyond these the connection is cut: nobody sends so much by mistake. */
const droppedBytesMax = 64 * 1_024 * 1_024;
const droppedMsMax = 10_000;

/**
 * Reads what still comes of a body that is refused, and drops it. Many clients send all before
 * they read: if the connection is closed before, it is broken to them, and they try again
 * instead of hearing why.
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
}
