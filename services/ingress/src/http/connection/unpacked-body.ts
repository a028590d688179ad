import { gunzip, type InputType, type ZlibOptions } from "node:zlib";
import { ApiError, bodyTooLarge } from "../api-error.ts";

/** What Node returns with the option `info`, which its types do not have. */
interface Unpacked {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

type GunzipWithInfo = (
  packed: InputType,
  options: ZlibOptions & { readonly info: true },
  done: (error: Error | null, unpacked: Unpacked) => void,
) => void;

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as Node documents it
const gunzipWithInfo = gunzip as unknown as GunzipWithInfo;

/**
 * Unpacks a whole body in gzip outside of the event loop, and stops at `bytesMax`. The packed bytes are limited too, so
 * neither a body that unpacks to much more than it has, nor one that unpacks to nothing, takes time or memory beyond
 * a bound. Reports an ApiError 413 for a body that is too long, and 400 for one that is not gzip.
 */
export function unpackGzip(
  packed: Buffer,
  bytesMax: number,
  done: (error: ApiError | null, body?: Buffer) => void,
): void {
  gunzipWithInfo(packed, { info: true, maxOutputLength: bytesMax }, (error, unpacked) => {
    if (error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE")
      done(bodyTooLarge(bytesMax, true));
    // Node ignores what follows the last member. Part of a prompt could be missing without an error.
    else if (error || unpacked.engine.bytesWritten !== packed.length) done(notGzip());
    else done(null, unpacked.buffer);
  });
}

function notGzip(): ApiError {
  const message =
    "The body is not valid gzip; pack it again, or send it without 'content-encoding'.";
  return ApiError.of("invalid_json", message);
}
