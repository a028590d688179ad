"""Checks signing.py against the test vectors of schemas/. Needs no packages."""

import base64
import json
import pathlib
import sys

from signing import signed_headers

path = pathlib.Path(__file__).parents[2] / "schemas" / "request-signature.vectors.json"
vectors = json.loads(path.read_text(encoding="utf-8"))["vectors"]
for vector in vectors:
    value = base64.b64decode(vector["valueBase64"])
    expected = {
        **vector["headers"],
        "sluice-key-id": vector["keyId"],
        "sluice-issued-at": str(vector["issuedAt"]),
        "sluice-signature": vector["signature"],
    }
    actual = signed_headers(
        vector["topicPrefix"] + vector["topic"],
        value,
        vector["apiKey"],
        vector["issuedAt"],
        vector["headers"],
    )
    if actual != expected:
        sys.exit(f"{vector['name']}: expected {expected}, but got {actual}")
print(f"{len(vectors)} signatures are right")
