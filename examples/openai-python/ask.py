"""Uses the official SDK with another base URL and another key."""

import os
import sys

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("SLUICE_BASE_URL", "http://127.0.0.1:8080/v1"),
    api_key=os.environ.get("SLUICE_API_KEY"),
)
question = sys.argv[1] if len(sys.argv) > 1 else "Why is the sky blue?"

stream = client.chat.completions.create(
    model="auto", messages=[{"role": "user", "content": question}], stream=True
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)

# Gets a whole answer, and the headers with the model, the cache result and the provisional cost.
raw = client.chat.completions.with_raw_response.create(
    model="economy", messages=[{"role": "user", "content": f"In one word: {question}"}]
)
print(f"\n\n{raw.parse().choices[0].message.content}")
print(f"{raw.headers['x-sluice-model']}, {raw.headers['x-sluice-cache']}, ${raw.headers['x-sluice-cost-usd']}")
