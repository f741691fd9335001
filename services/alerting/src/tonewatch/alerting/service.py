"""The alerting service: everything built, connected and closed in one place."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Final

from fastapi import APIRouter, FastAPI

from tonewatch.alerting.api import (
    alerts_router,
    channels_router,
    deliveries_router,
    history_router,
    render_rule_errors,
    rule_edits_router,
    rule_tests_router,
    rule_versions_router,
    rules_router,
    silences_router,
    webhooks_router,
)
from tonewatch.alerting.delivery.database import database_over
from tonewatch.alerting.delivery.stage import DeliveryStage
from tonewatch.alerting.evaluation import evaluation_loops, timing_of
from tonewatch.alerting.history import HistoryClient
from tonewatch.alerting.notices.stage import NoticeStage
from tonewatch.alerting.rules import BUILT_IN_CHANNELS, RuleBook
from tonewatch.alerting.rules.stored import RuleEditor, RuleStore
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.alerting.sharing import join
from tonewatch.shared.broker import Broker
from tonewatch.shared.database import create_engine
from tonewatch.shared.runtime import Loop, Service
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS, Stream

IDLE_TRANSACTION: Final = timedelta(seconds=3)
"""Ours are short; one that idles for so long is of a frozen replica, and others wait for it."""


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
        self._database = database_over(
            create_engine(settings.database_url, idle_transaction=IDLE_TRANSACTION)
        )
        self._editor = RuleEditor(RuleStore(self._database), self.book)
        self._history = HistoryClient(options.storage_url, self.token)
        self._delivery = DeliveryStage(self._database, options, self.metrics)
        self._notices = NoticeStage(
            broker,
            self._database,
            self._delivery.receivers,
            self._delivery.outbox,
            options,
            self.metrics,
            token=self.token,
            wake_sender=self._delivery.sender.wake,
        )
        self._share = join(settings) if options.shared_partitions else None
        if self._share is not None:
            self.health.add("leases", self._share.check)
        self.health.add("database", self._database.ping)
        self.health.add("rules", self._check_rules)

    async def open(self) -> None:
        """Read the rules and bring the database to its newest schema."""
        await self.book.reload()
        self.book.listen()
        await self._database.prepare()
        await self._editor.refresh()
        await self._delivery.open()

    def loops(self) -> Sequence[Loop]:
        """Evaluate, dispatch, send, watch the rules."""
        return (
            *self._evaluation(),
            *self._notices.loops(),
            *self._delivery.loops(),
            self.book.watch_file,
            self._editor.watch_stored_rules,
        )

    def routers(self) -> Sequence[APIRouter]:
        """The API."""
        return (
            # before the rules: /v1/rules/precision is no rule
            alerts_router(self._database, self._notices.wake),
            silences_router(self._notices.silences, self._notices.wake),
            rules_router(self.book, self._editor),
            history_router(self.book, self._history, timing_of(self.settings.alerting)),
            rule_edits_router(self.book, self._editor),
            rule_versions_router(self._editor),
            rule_tests_router(self.book, self._delivery),
            webhooks_router(self._delivery),
            channels_router(self._delivery),
            deliveries_router(self._delivery),
        )

    def extend(self, app: FastAPI) -> None:
        """Mistakes of rules are told field by field."""
        render_rule_errors(app)

    async def close(self) -> None:
        """Close connections."""
        await self._notices.close()
        await self._delivery.close()
        await self._history.close()
        if self._share is not None:
            await self._share.close()
        await self._database.close()

    def _evaluation(self) -> Sequence[Loop]:
        options = self.settings.alerting
        return evaluation_loops(
            self.broker, options, lambda: self.book.loaded, self.metrics, self._share
        )

    async def _check_rules(self) -> str:
        rules = f"{len(self.book.loaded.rules)} rules in force"
        if self.book.last_error is None:
            return rules
        return f"{rules}; the newest file was refused: {self.book.last_error.message}"
