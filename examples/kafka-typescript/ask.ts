import { SluiceClient, SluiceError } from "@sluice/client";
import { connection } from "./connection.ts";

await using sluice = await SluiceClient.connect(connection);
const content = process.argv[2] ?? "Why is the sky blue?";

// Sends one question, and prints the answer and the decision of each stage.
const { completed, decisions } = await sluice.ask({ messages: [{ role: "user", content }] });
console.log(completed.answer.choices[0]?.content);
for (const { stage, decision } of decisions) console.log(`  ${stage}: ${decision}`);

// Sends three questions, and prints the answers in the order of arrival.
const responses = sluice.responses();
const open = new Set<string>();
for (const language of ["French", "German", "Welsh"])
  open.add(
    await sluice.send({ messages: [{ role: "user", content: `${content} In ${language}.` }] }),
  );
for await (const { requestId, completed: answer, refused } of responses) {
  if (!open.delete(requestId)) continue;
  console.log(
    `${requestId}: ${answer?.cache ?? refused?.code}, ${answer?.costNanoUsd ?? 0} nano-USD`,
  );
  if (open.size === 0) break;
}

// Sends an invalid parameter, and prints the reason for the refusal.
const hot = { messages: [{ role: "user", content }], parameters: { temperature: 9 } };
await sluice.ask(hot).catch((error: unknown) => {
  if (!(error instanceof SluiceError)) throw error;
  console.log(`${error.code}: ${error.message}`);
});
