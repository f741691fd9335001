"""The channel email: plain text and HTML through the configured mail server."""

import asyncio
import time
from collections.abc import Sequence
from email.message import EmailMessage
from html import escape
from typing import Final

import aiosmtplib

from tonewatch.alerting.delivery.attempt import MAX_RESPONSE, Attempt
from tonewatch.alerting.delivery.channels.options import Language
from tonewatch.alerting.delivery.channels.smtp import SmtpOptions
from tonewatch.alerting.delivery.post import elapsed_ms
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.delivery.wording import Notice, notice_of
from tonewatch.shared.egress import AddressPolicy, connect
from tonewatch.shared.errors import TonewatchError

EMAIL: Final = "email"
"""All configured recipients get one mail, so they are one receiver."""


class MailSender:
    """Sends mails to some recipients."""

    def __init__(
        self,
        smtp: SmtpOptions,
        policy: AddressPolicy,
        *,
        recipients: Sequence[str],
        language: Language,
        timeout_seconds: float,
    ) -> None:
        self._smtp = smtp
        self._policy = policy
        self._recipients = recipients
        self._language = language
        self._timeout_seconds = timeout_seconds

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        """Hand one mail to the mail server."""
        started = time.perf_counter()
        mail = compose(deliveries, self._smtp.sender, self._recipients, self._language)
        status, response, error, delivered = None, "", "", False
        try:
            async with asyncio.timeout(self._timeout_seconds):
                refused, response = await self._send(mail)
            # a mail that some recipients got must not be sent to those again
            delivered = True
            error = "; ".join(f"{address} was refused" for address in refused)
        except TimeoutError:
            error = f"no answer within {self._timeout_seconds:g} s"
        except aiosmtplib.SMTPResponseException as failure:
            status, error = failure.code, f"{failure.code} {failure.message}"
        except TonewatchError as failure:
            error = failure.message
        except (aiosmtplib.SMTPException, OSError, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        return Attempt(
            delivered=delivered,
            latency_ms=elapsed_ms(started),
            status=status,
            response=response[:MAX_RESPONSE],
            error=error,
            request_headers={name: str(value) for name, value in mail.items()},
            request_body=_plain(mail),
        )

    async def _send(self, mail: EmailMessage) -> tuple[list[str], str]:
        options = self._smtp
        opened = await connect(self._policy, options.host, options.port)
        refused, response = await aiosmtplib.send(
            mail,
            hostname=options.host,
            port=None,
            sock=opened,
            username=options.username,
            password=options.password.get_secret_value() if options.password else None,
            use_tls=options.security == "tls",
            start_tls=options.security == "starttls",
            timeout=self._timeout_seconds,
        )
        return list(refused), response


def compose(
    deliveries: Sequence[DeliveryRow], sender: str, recipients: Sequence[str], language: Language
) -> EmailMessage:
    """The mail for deliveries; its Message-ID is the same for every attempt."""
    notice = notice_of(deliveries, language)
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = " ".join(notice.headline.split())
    mail["Message-ID"] = f"<{deliveries[0].message_id}@tonewatch>"
    mail.set_content(notice.text + "\n", charset="utf-8")
    mail.add_alternative(html_of(notice), subtype="html", charset="utf-8")
    return mail


def html_of(notice: Notice) -> str:
    """The same as a table; whatever came from outside is escaped."""
    rows = "".join(
        f'<tr><th align="left" valign="top">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in notice.rows
    )
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"></head>'
        '<body style="font-family:sans-serif">'
        f'<h2>{escape(notice.headline)}</h2><table cellpadding="4">{rows}</table></body></html>'
    )


def _plain(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    return "" if part is None else str(part.get_content())
