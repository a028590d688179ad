import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { ApiError } from "./api-error.ts";

/** The header of the key that opens the routes of the bill, the recorded calls and the script. */
export const controlKeyHeader = "x-simulator-control-key";

/**
 * Returns whether a path belongs to the simulated provider. All other paths control the simulator, also those
 * that do not exist, so that a new route cannot be open by mistake.
 */
export function isProviderPath(path: string): boolean {
  return path === "/healthz" || path.startsWith("/v1/");
}

/**
 * Checks that a request may control the simulator. Another account of the machine could otherwise delete the
 * bill, read prompts that were recorded, and make every call of the pipeline fail.
 *
 * @param key undefined refuses every request
 * @throws ApiError 421 for the name of another site, 403 if there is no key, 401 for a missing or wrong one
 */
export function authoriseControl(request: IncomingMessage, key: string | undefined): void {
  const { host } = request.headers;
  if (!isLocalName(host ?? ""))
    throw new ApiError(
      421,
      `The host ${JSON.stringify(host)} is not a name of the simulator. Use its address.`,
    );
  if (key === undefined)
    throw new ApiError(
      403,
      "This route controls the simulator, which was started without SLUICE_SIMULATOR_CONTROL_KEY. Set it, and send its value in the header x-simulator-control-key.",
      { code: "control_closed" },
    );
  if (equalInConstantTime(headerText(request), key)) return;
  throw new ApiError(
    401,
    'This route controls the simulator. Send its key in the header x-simulator-control-key; "sluice credentials" prints the key of the local stack.',
    { code: "invalid_control_key" },
  );
}

/** Compares digests, so that the duration depends on neither the length nor the content. */
export function equalInConstantTime(given: string, expected: string): boolean {
  return timingSafeEqual(sha256Of(given), sha256Of(expected));
}

/**
 * Returns whether a `Host` is an address, or a name without a dot such as `localhost` or a container's name. A page
 * in a browser can let its own name point to this port, and such a name has a dot.
 */
function isLocalName(host: string): boolean {
  const [, bracketed, plain = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  const name = bracketed ?? plain;
  return isIP(name) !== 0 || (name !== "" && !name.includes("."));
}

function headerText(request: IncomingMessage): string {
  const value = request.headers[controlKeyHeader];
  return typeof value === "string" ? value : "";
}

function sha256Of(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
