"""The alerting service: everything built, connected and closed in one place."""

from collections.abc import Sequence
from typing import ClassVar

from fastapi import APIRouter
from sqlalchemy import text

from tonewatch.alerting.api import (
    alerts_router,
    channels_router,
    deliveries_router,
    rules_router,
    silences_router,
    webhooks_router,
)
from tonewatch.alerting.delivery.database import Database
from tonewatch.alerting.delivery.stage import DeliveryStage
from tonewatch.alerting.delivery.tables import MIGRATIONS
from tonewatch.alerting.evaluation import evaluation_loops
from tonewatch.alerting.notices.stage import NoticeStage
from tonewatch.alerting.rules import BUILT_IN_CHANNELS, RuleBook
from tonewatch.alerting.settings import AlertingSettings
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
            channels=(*BUILT_IN_CHANNELS, *options.channels),
        )
        self._database = Database(create_engine(settings.database_url))
        self._delivery = DeliveryStage(self._database, options, self.metrics)
        self._notices = NoticeStage(
            broker,
            self._database,
            self._delivery.receivers,
            self._delivery.outbox,
            options,
            self.metrics,
            wake_sender=self._delivery.sender.wake,
        )
        self.health.add("database", self._check_database)
        self.health.add("rules", self._check_rules)

    async def open(self) -> None:
        """Read the rules and bring the database to its newest schema."""
        await self.book.reload()
        await migrate(self._database.engine, MIGRATIONS)
        await self._delivery.open()

    def loops(self) -> Sequence[Loop]:
        """Evaluate, dispatch, send, watch the rules."""
        return (
            *self._evaluation(),
            *self._notices.loops(),
            *self._delivery.loops(),
            self.book.watch(),
        )

    def routers(self) -> Sequence[APIRouter]:
        """The API."""
        return (
            # before the rules: /v1/rules/precision is no rule
            alerts_router(self._database, self._notices.wake),
            silences_router(self._notices.silences, self._notices.wake),
            rules_router(self.book),
            webhooks_router(self._delivery),
            channels_router(self._delivery),
            deliveries_router(self._delivery),
        )

    async def close(self) -> None:
        """Close connections."""
        await self._delivery.close()
        await close_engine(self._database.engine)

    def _evaluation(self) -> Sequence[Loop]:
        options = self.settings.alerting
        return evaluation_loops(self.broker, options, lambda: self.book.loaded, self.metrics)

    async def _check_database(self) -> str:
        async with self._database.reading() as session:
            await session.execute(text("SELECT 1"))
        return "answers"

    async def _check_rules(self) -> str:
        rules = f"{len(self.book.loaded.rules)} rules in force"
        if self.book.last_error is None:
            return rules
        return f"{rules}; the newest file was refused: {self.book.last_error.message}"
