"""The one registry of channel types, and the channels that the settings make of them."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from tonewatch.alerting.delivery.attempt import ChannelSender
from tonewatch.alerting.delivery.channels.apprise import AppriseSender
from tonewatch.alerting.delivery.channels.dingtalk import DingTalkSender
from tonewatch.alerting.delivery.channels.feishu import FeishuSender
from tonewatch.alerting.delivery.channels.mail import EMAIL, MailSender
from tonewatch.alerting.delivery.channels.options import ChannelOptions
from tonewatch.alerting.delivery.channels.slack import SlackSender
from tonewatch.alerting.delivery.channels.smtp import SmtpOptions
from tonewatch.alerting.delivery.channels.wecom import WeComSender
from tonewatch.alerting.delivery.pace import Pace
from tonewatch.alerting.delivery.post import Poster
from tonewatch.alerting.delivery.receivers import WEBHOOK, Receiver
from tonewatch.shared.egress import EgressPolicy
from tonewatch.shared.errors import ConfigurationError

RESERVED: Final = (WEBHOOK, EMAIL)
"""Names that rules use without a declaration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What senders are built with."""

    poster: Poster
    policy: EgressPolicy
    smtp: SmtpOptions | None
    timeout_seconds: float
    closing: ExitStack
    """Takes what must be called when the service closes."""


def build_channels(declared: Mapping[str, ChannelOptions], tools: Tools) -> dict[str, Receiver]:
    """The channels of the settings, and `email` where there is a mail server.

    Raises:
        ConfigurationError: a channel cannot be built; the message names it.
    """
    channels = {name: _channel(name, options, tools) for name, options in declared.items()}
    if tools.smtp is not None:
        sender = _mail_sender(tools.smtp, tools)
        channels[EMAIL] = Receiver(channel=EMAIL, id=EMAIL, name=EMAIL, sender=sender)
    return channels


def _channel(name: str, options: ChannelOptions, tools: Tools) -> Receiver:
    try:
        sender = CHANNEL_TYPES[options.type](options, tools)
    except ConfigurationError as error:
        raise ConfigurationError(f"alerting.channels.{name}: {error.message}") from error
    limit = options.per_minute
    return Receiver(
        channel=options.type,
        id=name,
        name=name,
        sender=sender,
        pace=None if limit is None else Pace(limit),
        joins=limit is not None,
    )


def _apprise_sender(options: Any, tools: Tools) -> AppriseSender:
    sender = AppriseSender(options, tools.policy, timeout_seconds=tools.timeout_seconds)
    tools.closing.callback(sender.close)
    return sender


def _mail_sender(options: Any, tools: Tools) -> MailSender:
    if tools.smtp is None:
        raise ConfigurationError("a channel of type email needs the mail server, alerting.smtp")
    # the operator chose the mail server's port by naming it
    policy = tools.policy.model_copy(update={"ports": (str(tools.smtp.port),)})
    return MailSender(
        tools.smtp,
        policy,
        recipients=options.recipients,
        language=options.language,
        timeout_seconds=tools.timeout_seconds,
    )


CHANNEL_TYPES: Final[Mapping[str, Callable[[Any, Tools], ChannelSender]]] = {
    "dingtalk": lambda options, tools: DingTalkSender(options, tools.poster),
    "wecom": lambda options, tools: WeComSender(options, tools.poster),
    "feishu": lambda options, tools: FeishuSender(options, tools.poster),
    "slack": lambda options, tools: SlackSender(options, tools.poster),
    "apprise": _apprise_sender,
    "email": _mail_sender,
}
