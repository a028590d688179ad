"""Signs requests for Sluice with the standard library alone."""

import hashlib
import hmac


def key_of(api_key: str) -> tuple[str, str]:
    """Returns the id and the secret of sk-sluice-<key id>-<secret>. The secret may contain dashes."""
    _, _, key_id, secret = api_key.split("-", 3)
    return key_id, secret


def signed_headers(
    topic: str, value: bytes, api_key: str, issued_at: int, headers: "dict[str, str] | None" = None
) -> dict[str, str]:
    """Returns the headers, and those that prove which key produced the value. The secret itself is not sent.

    topic: with the installation's prefix. issued_at: milliseconds since 1970. headers: all others that are
    sent with the message; the signature covers correlation-id and traceparent.
    """
    sent = headers or {}
    key_id, secret = key_of(api_key)
    covered = [
        hashlib.sha256(sent[name].encode()).hexdigest() if name in sent else ""
        for name in ("correlation-id", "traceparent")
    ]
    fields = ["v2", topic, key_id, str(issued_at), hashlib.sha256(value).hexdigest(), *covered]
    signature = hmac.new(secret.encode(), "\n".join(fields).encode(), hashlib.sha256).hexdigest()
    return {
        **sent,
        "sluice-key-id": key_id,
        "sluice-issued-at": str(issued_at),
        "sluice-signature": f"v2.{signature}",
    }
