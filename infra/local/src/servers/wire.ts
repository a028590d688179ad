import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";

const ANSWER_LIMIT_MS = 4_000;
const ANSWER_BYTES_MAX = 1024 * 1024;

/** A request, or a function that makes it from the previous answer. It returns undefined to give up. */
export type Frame = Buffer | ((answer: Buffer) => Buffer | undefined);

/**
 * Sends each frame after the answer to the previous one, and returns the last answer, or undefined if the
 * server does not answer within 4 s, or answers more than 1 MiB or what a frame cannot read. It is a minimal client that asks a server in the server's own
 * protocol whether it is ready.
 *
 * @param caFile the certificate authority of a server that requires TLS
 */
export function exchange(
  host: string,
  port: number,
  frames: readonly Frame[],
  isComplete: (answer: Buffer) => boolean,
  caFile?: string,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let step = 0;
    let answer = Buffer.alloc(0);
    const socket =
      caFile === undefined
        ? net.connect(port, host)
        : tls.connect({ host, port, ca: readFileSync(caFile) });
    const send = (): void => {
      const frame = frameAfter(answer, frames[step]);
      if (!frame) return finish();
      answer = Buffer.alloc(0);
      socket.write(frame);
    };
    const finish = (result?: Buffer): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once(caFile === undefined ? "connect" : "secureConnect", send);
    socket.setTimeout(ANSWER_LIMIT_MS, () => finish());
    socket.on("error", () => finish());
    socket.on("close", () => finish());
    socket.on("data", (received) => {
      answer = Buffer.concat([answer, received]);
      if (answer.length > ANSWER_BYTES_MAX) return finish();
      if (!isComplete(answer)) return;
      step += 1;
      if (step === frames.length) return finish(answer);
      send();
    });
  });
}

/** Returns the next frame. An answer from which none can be made is that of another server than expected. */
function frameAfter(answer: Buffer, next: Frame | undefined): Buffer | undefined {
  try {
    return typeof next === "function" ? next(answer) : next;
  } catch {
    return undefined;
  }
}
