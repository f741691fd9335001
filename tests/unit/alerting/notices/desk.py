"""A desk of notices in virtual time: what is kept between steps is what the tables keep."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.support.messages import make_alert
from tonewatch.alerting.notices.book import Book
from tonewatch.alerting.notices.model import Entry, Event, Notice
from tonewatch.alerting.notices.silence import Silence
from tonewatch.alerting.rules import parse_matcher
from tonewatch.alerting.settings import NoticeOptions
from tonewatch.shared.messages import Alert, AlertState, NoticePolicy

START_MS = 1_767_517_200_000
MOST_TICKS = 50_000


@dataclass
class Desk:
    """Books of one step each, over entries that are copied from step to step."""

    options: NoticeOptions = field(default_factory=NoticeOptions)
    now: int = START_MS
    entries: dict[str, Entry] = field(default_factory=dict)
    marks: list[tuple[str, int]] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    told: list[tuple[int, Notice]] = field(default_factory=list)
    reaches: Callable[[Alert], bool] = lambda _: True

    def step(self, *alerts: Alert) -> list[Notice]:
        """One step, as after a restart."""
        entries = copy.deepcopy(self.entries)
        marks: dict[str, list[int]] = {}
        for key, at_ms in self.marks:
            marks.setdefault(key, []).append(at_ms)
        book = Book(
            options=self.options,
            entries=entries,
            scope=set(entries),
            silences=tuple(self.silences),
            reaches=self.reaches,
        )
        book.marks.update(marks)
        for alert in alerts:
            book.take_in(alert, self.now)
        notices = book.step(self.now)
        self.entries |= book.changed
        self.marks += book.new_marks
        self.events += book.events
        self.told += [(self.now, notice) for notice in notices]
        return notices

    def ticks(self, seconds: float) -> Iterator[list[Notice]]:
        """Step whenever something is due, until so much time has passed."""
        end = self.now + round(seconds * 1000)
        for _ in range(MOST_TICKS):
            look = self.next_look()
            if look is None or look > end:
                self.now = end
                return
            self.now = max(self.now, look)
            yield self.step()
        raise AssertionError("something is due for ever")

    def after(self, seconds: float) -> list[Notice]:
        """All that is told within so much time."""
        return [notice for notices in self.ticks(seconds) for notice in notices]

    def next_look(self) -> int | None:
        """When something is due."""
        looks = [entry.look_ms for entry in self.entries.values() if entry.look_ms is not None]
        return min(looks, default=None)

    def fire(self, alert_id: str = "alert-1", /, **changes: Any) -> Alert:
        """A message that an alert fires now."""
        policy = {
            name.removeprefix("notice_"): changes.pop(name)
            for name in list(changes)
            if name.startswith("notice_")
        }
        values: dict[str, Any] = {"decided_at": self.time, "notice": NoticePolicy(**policy)}
        return make_alert(alert_id=alert_id, **(values | changes))

    def over(self, firing: Alert) -> Alert:
        """A message that it is over now."""
        return firing.model_copy(update={"state": AlertState.RESOLVED, "decided_at": self.time})

    @property
    def time(self) -> datetime:
        """The time now."""
        return datetime.fromtimestamp(self.now / 1000, UTC)

    def sent(self, *alert_ids: str) -> None:
        """Their notices have been sent with success."""
        for alert_id in alert_ids:
            self.change(alert_id, sent_ms=self.now)

    def change(self, alert_id: str, **values: Any) -> None:
        """What people, or the sender, do."""
        self.entries[alert_id] = replace(self.entries[alert_id], **values)

    def silence(self, *matchers: str, seconds: float, silence_id: str = "silence-1") -> None:
        """Nobody is to be told, from now on."""
        self.silences.append(
            Silence(
                silence_id=silence_id,
                matchers=tuple(map(parse_matcher, matchers)),
                starts_ms=self.now,
                ends_ms=self.now + round(seconds * 1000),
            )
        )

    def why(self, alert_id: str) -> tuple[str, str] | None:
        """Why an alert is held, and by what."""
        hold = self.entries[alert_id].hold
        return None if hold is None else (hold.reason.value, hold.by)


def said(notices: Sequence[Notice]) -> list[tuple[str, list[str]]]:
    """Kinds and alert ids."""
    return [(notice.kind.value, [entry.alert_id for entry in notice.entries]) for notice in notices]
