"""A webhook receiver: verifies each Standard Webhooks signature, prints a line, remembers."""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tonewatch.shared.clock import iso_utc, utc_now

KEPT: Final = 500
LARGEST_BODY_BYTES: Final = 256 * 1024


class Received(BaseModel):
    """One verified webhook; `id` is the same for every attempt to deliver it."""

    model_config = ConfigDict(frozen=True)

    id: str
    received_at: datetime
    type: str
    data: dict[str, Any]

    def sentence(self) -> str:
        """What came, in one line for a person."""
        parts = [f"webhook {self.type}, signature verified"]
        parts += [
            f"{key}={self.data[key]}" for key in _SHOWN if self.data.get(key) not in (None, "")
        ]
        return ", ".join(parts)


_SHOWN: Final = ("rule", "priority", "value", "session_id", "message")


class Sink:
    """Verifies and keeps what came; repeated deliveries of one webhook are kept once."""

    def __init__(self, secret: str, tell: Callable[[str], None]) -> None:
        self._webhook = Webhook(secret)
        self._tell = tell
        self._received: deque[Received] = deque(maxlen=KEPT)
        self.refused = 0

    @property
    def received(self) -> list[Received]:
        """Oldest first."""
        return list(self._received)

    def take(self, body: bytes, headers: dict[str, str]) -> str | None:
        """Keep a webhook; answers why not if its signature or form is wrong."""
        now = utc_now()
        try:
            content = self._webhook.verify(body, headers)
            came = Received(
                id=headers["webhook-id"],
                received_at=now,
                type=content["type"],
                data=content.get("data", {}),
            )
        except WebhookVerificationError as error:
            return self._refuse(str(error))
        except (ValueError, TypeError, KeyError) as error:  # the library lets these through
            return self._refuse(f"malformed webhook ({type(error).__name__})")
        if all(came.id != known.id for known in self._received):
            self._received.append(came)
            self._tell(came.sentence())
        return None

    def _refuse(self, reason: str) -> str:
        self.refused += 1
        self._tell(f"refused a webhook: {reason}")
        return reason


def build_app(sink: Sink) -> FastAPI:
    """POST / or /alerts delivers; GET /received shows what came."""
    app = FastAPI(title="Tonewatch webhook receiver")

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "healthy"}

    @app.get("/received")
    async def received() -> dict[str, Any]:
        items = [
            {**item.model_dump(mode="json"), "received_at": iso_utc(item.received_at)}
            for item in sink.received
        ]
        return {"items": items, "refused": sink.refused}

    @app.post("/")
    @app.post("/alerts")
    async def deliver(request: Request) -> JSONResponse:
        body = await _bounded_body(request)
        if body is None:
            return JSONResponse({"error": "TooLarge"}, status_code=413)
        reason = sink.take(body, dict(request.headers))
        if reason is not None:
            return JSONResponse({"error": "Refused", "detail": reason}, status_code=401)
        return JSONResponse({"status": "received"})

    return app


async def _bounded_body(request: Request) -> bytes | None:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY_BYTES:
            return None
    return bytes(body)
