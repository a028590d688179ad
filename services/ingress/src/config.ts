import {
  attributionKeys,
  cacheKeys,
  countKey,
  declarationKeys,
  platformKeys,
  portKey,
  replayKeys,
  stateKeys,
} from "@sluice/service-host";
import { z } from "zod";

/** Whether this is the exact text that a browser sends as the origin of a page. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  const isExact = url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
  return isExact && !text.includes("*");
}

export const configSchema = z.object({
  ...platformKeys,
  ...stateKeys,
  ...cacheKeys,
  ...declarationKeys,
  ...replayKeys,
  ...attributionKeys,
  SLUICE_HTTP_HOST: z
    .string()
    .default("127.0.0.1")
    .describe("Address of the OpenAI-compatible HTTP API."),
  SLUICE_HTTP_PORT: portKey(8080, "Port of the OpenAI-compatible HTTP API."),
  SLUICE_HTTP_BODY_MAX_BYTES: countKey(
    768 * 1024,
    { min: 1_024, max: 1_536 * 1024 },
    "The longest body of a request, in bytes. The texts of a record have at most 1.5 MiB, and text in parts is stored twice.",
  ),
  SLUICE_HTTP_WAITING_MAX: countKey(
    4_000,
    { min: 1, max: 100_000 },
    "How many HTTP requests wait for an answer at once. Beyond it, a tenant that has its weighted share of these places is answered with 503; a tenant below its share is still admitted.",
  ),
  SLUICE_INTAKE_IN_FLIGHT_MAX: countKey(
    50_000,
    { min: 1, max: 10_000_000 },
    "How many requests from Kafka are in flight at once, in all processes together. Beyond it, a request of a tenant that has its weighted share of them is declined with the code shed.",
  ),
  SLUICE_HTTP_MEMORY_MAX_BYTES: countKey(
    256 * 1024 * 1024,
    { min: 16 * 1024 * 1024, max: 2 ** 40 },
    "The most bytes of requests and of unread answers that ingress holds at once. Further requests are answered with 503.",
  ),
  SLUICE_HTTP_CONNECTIONS_MAX: countKey(
    10_000,
    { min: 1, max: 1_000_000 },
    "The most connections at once. Further connections are closed.",
  ),
  SLUICE_HTTP_IDLE_TIMEOUT_MS: countKey(
    30_000,
    { min: 100, max: 600_000 },
    "How long a client may send nothing of its body, or read nothing of its answer, before ingress closes the connection, in milliseconds.",
  ),
  SLUICE_HTTP_CORS_ORIGINS: z
    .string()
    .default("")
    .transform((text) =>
      text
        .split(",")
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ""),
    )
    .refine((origins) => origins.every(isOrigin), {
      error:
        "has an entry that is not an origin: write each as a browser sends it, such as https://app.example.com, in lower case, without a path, a default port or *",
    })
    .describe(
      "Origins of web pages that may use the API from a browser, separated by commas, such as https://app.example.com. Without it, browsers let no page read a response.",
    ),
  SLUICE_HTTP_CACHE_TIMEOUT_MS: countKey(
    100,
    { min: 5, max: 10_000 },
    "How long ingress waits for the response cache, in milliseconds. It waits a second time before it treats a request as a miss.",
  ),
  SLUICE_HTTP_PUBLISH_TIMEOUT_MS: countKey(
    2_000,
    { min: 100, max: 30_000 },
    "How long ingress tries to publish a request before it answers 503, in milliseconds.",
  ),
});

export type Config = z.output<typeof configSchema>;
