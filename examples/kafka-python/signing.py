"""Signs requests for Sluice with the standard library alone."""

import hashlib
import hmac


def key_of(api_key: str) -> tuple[str, str]:
    """Returns the id and the secret of sk-sluice-<key id>-<secret>. The secret may contain dashes."""
    _, _, key_id, secret = api_key.split("-", 3)
    return key_id, secret


def signed_headers(topic: str, value: bytes, api_key: str, issued_at: int) -> dict[str, str]:
    """Returns the headers that prove which key produced the value. The secret itself is not sent.

    topic: without the installation's prefix. issued_at: milliseconds since 1970.
    """
    key_id, secret = key_of(api_key)
    signed = "\n".join([topic, key_id, str(issued_at), hashlib.sha256(value).hexdigest()])
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    return {
        "sluice-key-id": key_id,
        "sluice-issued-at": str(issued_at),
        "sluice-signature": signature,
    }
