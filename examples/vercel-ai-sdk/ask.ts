import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";

const sluice = createOpenAICompatible({
  name: "sluice",
  baseURL: process.env["SLUICE_BASE_URL"] ?? "http://127.0.0.1:8080/v1",
  apiKey: process.env["SLUICE_API_KEY"] ?? "",
  includeUsage: true,
});
const prompt = process.argv[2] ?? "Why is the sky blue?";

const { textStream, usage } = streamText({ model: sluice("auto"), prompt });
for await (const text of textStream) process.stdout.write(text);
console.log(`\n\n${(await usage).outputTokens} tokens`);

// The SDK retries automatically. With the key, a retry is the same request and is paid once.
const { text, response } = await generateText({
  model: sluice("economy"),
  prompt: `In one word: ${prompt}`,
  headers: { "idempotency-key": crypto.randomUUID() },
});
console.log(
  `${text}\n${response.headers?.["x-sluice-model"]}, $${response.headers?.["x-sluice-cost-usd"]}`,
);
