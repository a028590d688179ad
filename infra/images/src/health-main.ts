/** Shorter than the time-out of the image's health check. */
const answerTimeoutMs = 3_000;

// `node health-main.js [port]`: exit code 0 when /healthz answers, on the admin port unless told another.
const port = process.argv[2] ?? process.env["SLUICE_ADMIN_PORT"];
const answer = await fetch(`http://127.0.0.1:${port}/healthz`, {
  signal: AbortSignal.timeout(answerTimeoutMs),
}).catch(() => undefined);
process.exit(answer?.ok ? 0 : 1);
