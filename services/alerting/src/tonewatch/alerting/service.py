"""The alerting service: everything built, connected and closed in one place."""

from collections.abc import Sequence
from typing import ClassVar

from fastapi import APIRouter
from sqlalchemy import text

from tonewatch.alerting.api import deliveries_router, rules_router, webhooks_router
from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.delivery.attempt import ChannelSender
from tonewatch.alerting.delivery.database import Database
from tonewatch.alerting.delivery.dispatcher import GROUP as DISPATCH_GROUP
from tonewatch.alerting.delivery.dispatcher import Dispatcher
from tonewatch.alerting.delivery.mail import MailSender
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.sender import Sender
from tonewatch.alerting.delivery.tables import MIGRATIONS
from tonewatch.alerting.delivery.webhook import WebhookSender
from tonewatch.alerting.engine import Bounds, Timing
from tonewatch.alerting.evaluator import GROUP as ALERTING_GROUP
from tonewatch.alerting.evaluator import Evaluator
from tonewatch.alerting.rules import Channel, RuleBook
from tonewatch.alerting.sessions import SessionEnds
from tonewatch.alerting.settings import AlertingOptions, AlertingSettings
from tonewatch.alerting.tracks import Tracks
from tonewatch.shared.broker import Broker
from tonewatch.shared.database import close_engine, create_engine, migrate
from tonewatch.shared.runtime import Loop, Service
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS, Stream


class AlertingService(Service[AlertingSettings]):
    """Rules over scores, alerts, deliveries."""

    name: ClassVar[str] = "alerting"
    streams: ClassVar[tuple[Stream, ...]] = (SCORES, SESSIONS, ALERTS)
    trims: ClassVar[tuple[Stream, ...]] = (ALERTS,)

    def __init__(self, settings: AlertingSettings, broker: Broker) -> None:
        super().__init__(settings, broker)
        options = settings.alerting
        self.book = RuleBook(
            options.rules_file,
            self.metrics,
            has_smtp=options.smtp is not None,
            poll_seconds=options.rules_poll_seconds,
        )
        self._database = Database(create_engine(settings.database_url))
        self._channels = _channels(options)
        self._webhooks = Webhooks(self._database, options.egress)
        self._outbox = Outbox(self._database, options.consumer)
        self._sender = Sender(
            self._outbox,
            self._webhooks,
            self._channels,
            self.metrics,
            at_once=options.deliveries_at_once,
            per_receiver=options.deliveries_per_receiver,
            log_days=options.delivery_log_days,
        )
        self.health.add("database", self._check_database)
        self.health.add("rules", self._check_rules)

    async def open(self) -> None:
        """Read the rules and bring the database to its newest schema."""
        await self.book.reload()
        await migrate(self._database.engine, MIGRATIONS)
        await self._webhooks.declare(self.settings.alerting.webhooks)

    def loops(self) -> Sequence[Loop]:
        """Evaluate, dispatch, send, watch the rules."""
        return (
            self._evaluator().evaluate,
            self._dispatcher().dispatch,
            self._sender.send_due,
            self.book.watch(),
        )

    def routers(self) -> Sequence[APIRouter]:
        """The API."""
        return (
            rules_router(self.book),
            webhooks_router(self._webhooks, self._outbox, self._sender),
            deliveries_router(self._outbox, self._webhooks, self._sender),
        )

    async def close(self) -> None:
        """Close connections."""
        for channel in self._channels.values():
            await channel.close()
        await close_engine(self._database.engine)

    def _evaluator(self) -> Evaluator:
        options = self.settings.alerting
        bounds = Bounds(
            newer_seconds=options.reorder_seconds,
            least_wait_seconds=options.reorder_wait_seconds,
            longest_wait_seconds=2 * max(options.reorder_wait_seconds, options.reorder_seconds),
        )
        return Evaluator(
            self.broker,
            self._reader((SCORES, SESSIONS), ALERTING_GROUP),
            Tracks(self.broker, bounds),
            SessionEnds(self.broker, grace_seconds=options.session_end_seconds),
            lambda: self.book.loaded,
            Timing(
                gap_tolerance=options.gap_tolerance_seconds,
                resolve_after=options.resolve_after_seconds,
            ),
            self.metrics,
        )

    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.broker,
            self._reader((ALERTS,), DISPATCH_GROUP),
            self._webhooks,
            self._outbox,
            self.metrics,
            has_mail=Channel.EMAIL in self._channels,
            wake_sender=self._sender.wake,
        )

    def _reader(self, streams: Sequence[Stream], group: str) -> GroupReader:
        consumer = self.settings.alerting.consumer
        return GroupReader(self.broker, streams, group, consumer, self.metrics)

    async def _check_database(self) -> str:
        async with self._database.reading() as session:
            await session.execute(text("SELECT 1"))
        return "answers"

    async def _check_rules(self) -> str:
        rules = f"{len(self.book.loaded.rules)} rules in force"
        if self.book.last_error is None:
            return rules
        return f"{rules}; the newest file was refused: {self.book.last_error.message}"


def _channels(options: AlertingOptions) -> dict[str, ChannelSender]:
    timeout = options.delivery_timeout_seconds
    channels: dict[str, ChannelSender] = {
        Channel.WEBHOOK: WebhookSender(options.egress, timeout_seconds=timeout)
    }
    if options.smtp is not None:
        channels[Channel.EMAIL] = MailSender(options.smtp, timeout_seconds=timeout)
    return channels
