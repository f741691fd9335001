"""The notices stage as the service sees it: built in one place, with its loops."""

from collections.abc import Callable, Sequence

from pydantic import SecretStr

from tonewatch.alerting.consumer import GroupReader
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.receivers import Receivers
from tonewatch.alerting.notices.dispatcher import GROUP, Dispatcher
from tonewatch.alerting.notices.ledger import Ledger
from tonewatch.alerting.notices.silences import Silences
from tonewatch.alerting.notices.verdicts import VerdictTeller
from tonewatch.alerting.notices.writer import NoticeWriter
from tonewatch.alerting.settings import AlertingOptions
from tonewatch.shared.broker import Broker
from tonewatch.shared.database import Database
from tonewatch.shared.http import create_client
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import Loop
from tonewatch.shared.streams import ALERTS


class NoticeStage:
    """Alerts in, deliveries out."""

    def __init__(
        self,
        broker: Broker,
        database: Database,
        receivers: Receivers,
        outbox: Outbox,
        options: AlertingOptions,
        metrics: Metrics,
        *,
        token: SecretStr | None = None,
        wake_sender: Callable[[], None],
    ) -> None:
        self.silences = Silences(database)
        self._storage = create_client(base_url=options.storage_url, token=token)
        self._verdicts = VerdictTeller(database, self._storage)
        self._dispatcher = Dispatcher(
            broker,
            GroupReader(broker, (ALERTS,), GROUP, options.consumer, metrics),
            Ledger(database, options.notices),
            NoticeWriter(receivers),
            outbox,
            self.silences,
            metrics,
            wake_sender=wake_sender,
        )

    def wake(self) -> None:
        """Look now for alerts that are due: a person has changed something."""
        self._dispatcher.wake()

    def loops(self) -> Sequence[Loop]:
        """Alerts from the stream, the passing of time, and verdicts to storage."""
        return self._dispatcher.dispatch, self._dispatcher.watch_timers, self._verdicts.tell

    async def close(self) -> None:
        """Close connections."""
        await self._storage.aclose()
