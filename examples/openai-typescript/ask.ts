import OpenAI from "openai";

// Uses the official SDK with another base URL and another key.
const openai = new OpenAI({
  baseURL: process.env["SLUICE_BASE_URL"] ?? "http://127.0.0.1:8080/v1",
  apiKey: process.env["SLUICE_API_KEY"],
});
const question = process.argv[2] ?? "Why is the sky blue?";

const stream = await openai.chat.completions.create({
  model: "auto",
  messages: [{ role: "user", content: question }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");

// Gets a whole answer, and the headers with the model, the cache result and the provisional cost.
const { data, response } = await openai.chat.completions
  .create({ model: "economy", messages: [{ role: "user", content: `In one word: ${question}` }] })
  .withResponse();
const sluice = (name: string) => response.headers.get(`x-sluice-${name}`);
console.log(`\n\n${data.choices[0]?.message.content}`);
console.log(`${sluice("model")}, ${sluice("cache")}, $${sluice("cost-usd")}`);
