"""The channel email: a plain text in Chinese and English through the configured mail server."""

import asyncio
import json
import time
from email.message import EmailMessage
from typing import Any, Final

import aiosmtplib

from tonewatch.alerting.delivery.attempt import MAX_RESPONSE, Attempt
from tonewatch.alerting.delivery.tables import DeliveryRow, WebhookRow
from tonewatch.alerting.settings import SmtpOptions

EMAIL_RECEIVER: Final = "email"
"""All configured recipients get one mail, so they are one receiver."""

_STATES: Final = {"firing": ("触发", "firing"), "resolved": ("已恢复", "resolved")}


class MailSender:
    """Sends mails."""

    def __init__(self, options: SmtpOptions, *, timeout_seconds: float) -> None:
        self._options = options
        self._timeout_seconds = timeout_seconds

    async def send(self, delivery: DeliveryRow, webhook: WebhookRow | None) -> Attempt:  # noqa: ARG002 - the channel's protocol
        """Hand one mail to the mail server."""
        started = time.perf_counter()
        status, response, error, delivered = None, "", "", False
        try:
            async with asyncio.timeout(self._timeout_seconds):
                refused, response = await self._send(compose(delivery, self._options))
            # a mail that some recipients got must not be sent to those again
            delivered = True
            error = "; ".join(f"{address} was refused" for address in refused)
        except aiosmtplib.SMTPResponseException as failure:
            status, error = failure.code, f"{failure.code} {failure.message}"
        except (aiosmtplib.SMTPException, OSError, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        return Attempt(
            delivered=delivered,
            latency_ms=round((time.perf_counter() - started) * 1000),
            status=status,
            response=response[:MAX_RESPONSE],
            error=error,
        )

    async def _send(self, mail: EmailMessage) -> tuple[dict[str, Any], str]:
        options = self._options
        refused, response = await aiosmtplib.send(
            mail,
            hostname=options.host,
            port=options.port,
            username=options.username,
            password=options.password.get_secret_value() if options.password else None,
            use_tls=options.security == "tls",
            start_tls=options.security == "starttls",
            timeout=self._timeout_seconds,
        )
        return dict(refused), response

    async def close(self) -> None:
        """Nothing is kept open."""


def compose(delivery: DeliveryRow, options: SmtpOptions) -> EmailMessage:
    """The mail for a delivery; its Message-ID is the same for every attempt."""
    data = json.loads(delivery.payload)["data"]
    chinese, english = _STATES.get(delivery.alert_state, (delivery.alert_state,) * 2)
    mail = EmailMessage()
    mail["From"] = options.sender
    mail["To"] = ", ".join(options.recipients)
    mail["Subject"] = f"[Tonewatch] 告警{chinese} / alert {english}: {delivery.rule}"
    mail["Message-ID"] = f"<{delivery.message_id}@tonewatch>"
    mail.set_content(_text(data, chinese, english), charset="utf-8")
    return mail


def _text(data: dict[str, Any], chinese: str, english: str) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in data["labels"].items()) or "-"
    rows = (
        ("状态 / state", f"{chinese} / {english}"),
        ("规则 / rule", data["rule"]),
        ("优先级 / priority", data["priority"]),
        ("说明 / message", data["message"]),
        ("峰值 / peak value", f"{data['value']:.3f} (阈值 / threshold {data['threshold']:g})"),
        ("开始 / began", data["started_at"]),
        ("时间 / at", data["at"]),
        ("说话方 / speaker", data["speaker"]),
        ("会话 / session", data["session_id"]),
        ("音频源 / source", data["source_id"]),
        ("标签 / labels", labels),
        ("告警编号 / alert id", data["alert_id"]),
    )
    return "\n".join(f"{name}: {value}" for name, value in rows) + "\n"
