"""Messages of the streams as the public event stream shows them (server-sent events)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.messages import Granularity, Message, Score

EventName = Literal["score", "utterance", "gap", "alert", "session", "status", "reset"]

INTERNAL: Final = frozenset({"v", "type", "traceparent", "channels", "embedding_path", "steps"})
"""Header fields that are the services' own business."""

Sees = Callable[[Mapping[str, str]], bool]
"""Whether somebody may see what carries these labels."""


def everything(_labels: Mapping[str, str]) -> bool:
    """Sees all there is."""
    return True


PROBABILITY_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event, already in the form in which it goes to every viewer."""

    number: int
    published_ms: int
    name: EventName
    wire: bytes
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wish:
    """What one viewer is shown: what it may see, and of that what it asked for."""

    sees: Sees = everything
    names: frozenset[EventName] | None = None
    """None: events of every name."""

    def wants(self, event: LiveEvent) -> bool:
        """Whether the viewer is told of this event."""
        return (self.names is None or event.name in self.names) and self.sees(event.labels)


ALL: Final = Wish()
"""What somebody is shown who may see everything and asked for nothing in particular."""


def public_data(message: Message) -> dict[str, Any]:
    """What a browser or program is told of a message.

    The posterior is keyed by label, as in the answers of the query API.
    """
    data = message.model_dump(mode="json", exclude=set(INTERNAL))
    if isinstance(message, Score) and message.probabilities is not None:
        data["probabilities"] = {
            emotion.value: round(value, PROBABILITY_DIGITS)
            for emotion, value in zip(EMOTIONS, message.probabilities, strict=True)
        }
    return data


def name_of(message: Message) -> EventName:
    """What the event is called: a whole utterance is no second, and must not be drawn as one."""
    if isinstance(message, Score) and message.granularity is Granularity.UTTERANCE:
        return "utterance"
    # every Message has a `type`; only the base class does not declare it
    name: EventName = message.type  # type: ignore[attr-defined]
    return name
