/** Must be shorter than the 5 s time-out of the image's health check. */
const answerTimeoutMs = 3_000;

// `node health-main.js [port]`: exits with 0 if /healthz answers. The default port is the admin port.
const port = process.argv[2] ?? process.env["SLUICE_ADMIN_PORT"];
const answer = await fetch(`http://127.0.0.1:${port}/healthz`, {
  signal: AbortSignal.timeout(answerTimeoutMs),
}).catch(() => undefined);
process.exit(answer?.ok ? 0 : 1);
