"""Webhook secrets and signatures, as Standard Webhooks 1.0.0 has them."""

import base64
import binascii
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from standardwebhooks import Webhook

from tonewatch.shared.errors import InvalidInputError

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
LEAST_BYTES: Final = 24
MOST_BYTES: Final = 64


def new_secret() -> str:
    """A new random secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def check_secret(secret: str) -> None:
    """See that a secret has the form of the specification.

    Raises:
        InvalidInputError: it has not; the message does not repeat it.
    """
    try:
        size = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith(PREFIX) or not LEAST_BYTES <= size <= MOST_BYTES:
        raise InvalidInputError(
            f"a webhook secret is {PREFIX} and the base64 of {LEAST_BYTES} to {MOST_BYTES} random "
            "bytes; `tonewatch-alerting new-secret` makes one"
        )


def signed_headers(
    live_secrets: Sequence[str], message_id: str, at: datetime, body: str
) -> dict[str, str]:
    """The headers by which the receiver knows the message, its time and its sender.

    While a secret is being replaced there are two, and a signature by each.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(
            _signer(secret).sign(message_id, at, body) for secret in live_secrets
        ),
    }


@lru_cache(maxsize=512)
def _signer(secret: str) -> Webhook:
    return Webhook(secret)
