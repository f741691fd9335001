"""The live calls that are watched: what the console told of them, second by second."""

from dataclasses import dataclass, field
from typing import Any, Final

from tonewatch.cli.events import Event
from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH

KEEP_SECONDS: Final = 600

NAMES: Final = {
    **{str(index): str(emotion) for index, emotion in enumerate(EMOTIONS)},
    "-": NO_SPEECH,
    "x": "gap",
}
"""What the characters of a ribbon of /api/v1/live mean; any other is a second not known of."""


@dataclass(slots=True)
class Track:
    """One voice of a call: emotions by second, the newest ten minutes."""

    seconds: dict[int, str] = field(default_factory=dict)
    last_seq: int = -1

    @property
    def newest(self) -> str:
        """The emotion of the newest second; empty before the first."""
        return self.seconds.get(self.last_seq, "")

    def put(self, seq: int, emotion: str) -> None:
        """Note a second; the same one twice changes nothing."""
        self.seconds[seq] = emotion
        self.last_seq = max(self.last_seq, seq)
        self.seconds.pop(self.last_seq - KEEP_SECONDS, None)

    def last(self, count: int) -> list[str]:
        """The emotions of the newest seconds, empty where nothing is known."""
        first = max(0, self.last_seq - count + 1)
        return [self.seconds.get(seq, "") for seq in range(first, self.last_seq + 1)]


@dataclass(slots=True)
class Call:
    """A session with its tracks by speaker."""

    session_id: str
    name: str
    tracks: dict[str, Track] = field(default_factory=dict)
    is_over: bool = False


class Board:
    """All live calls, or those with one id, source or name."""

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted
        self._calls: dict[str, Call] = {}
        self._ignored: set[str] = set()
        self.alerts: list[dict[str, Any]] = []

    @property
    def calls(self) -> list[Call]:
        """The calls that go on, oldest first, and with a wish those that are over, too."""
        return [call for call in self._calls.values() if self._wanted or not call.is_over]

    @property
    def is_over(self) -> bool:
        """Whether one call was asked for by its id, and it has ended."""
        call = self._calls.get(self._wanted or "")
        return call is not None and call.is_over

    def start(self, live: dict[str, Any]) -> None:
        """Begin afresh from the answer of /api/v1/live."""
        self._calls.clear()
        self._ignored.clear()
        for session in live["sessions"]:
            call = self._call(session)
            if call is None:
                continue
            call.is_over = session["state"] == "ended"
            for told in session["tracks"]:
                track = call.tracks.setdefault(told["speaker"], Track())
                for seq, code in enumerate(told["codes"], told["first_seq"]):
                    track.put(seq, NAMES.get(code, ""))

    def take(self, event: Event) -> bool:
        """Note an event; whether it is about a call that is watched."""
        data = event.data
        call = self._call(data) if "session_id" in data else None
        if call is None or event.name not in {"score", "gap", "session", "alert"}:
            return False
        if event.name == "alert":
            self.alerts.append(data)
            return True
        if event.name == "session":
            call.is_over = data["state"] == "ended"
            return True
        track = call.tracks.setdefault(data["speaker"], Track())
        if event.name == "score":
            track.put(data["seq"], data["emotion"])
        else:
            first, last = data["first_seq"], data["last_seq"]
            for seq in range(max(first, last - KEEP_SECONDS), last + 1):
                track.put(seq, "gap")
        return True

    def name_of(self, session_id: str) -> str:
        """What a call is called."""
        call = self._calls.get(session_id)
        return call.name if call is not None and call.name else session_id

    def _call(self, told: dict[str, Any]) -> Call | None:
        """The call that something is about, None if it is not watched."""
        session_id = told["session_id"]
        name = str(told.get("name") or "")
        known = self._calls.get(session_id)
        if known is not None:
            known.name = name or known.name
            return known
        if self._wanted not in {None, session_id, told.get("source_id"), name or None}:
            return None
        if told.get("lane") == "upload":  # nobody is on the line
            return None
        return self._calls.setdefault(session_id, Call(session_id, name or session_id))
