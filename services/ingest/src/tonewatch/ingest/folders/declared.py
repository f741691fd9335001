"""What an operator says of a watched folder."""

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tonewatch.ingest.sources.labels import LABEL_CHARACTERS
from tonewatch.ingest.sources.voices import Layout, Voices
from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.messages import Labels, Speaker


class After(StrEnum):
    """What becomes of a file when its recording was published to its end."""

    KEEP = "keep"
    DELETE = "delete"
    MOVE = "move"


class WatchedFolder(BaseModel):
    """A folder, and what is known of the recordings in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path
    names: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = Field(
        default=("*",), min_length=1, description="Patterns of the files' names, such as *.wav"
    )
    labels: Labels = Field(default_factory=dict, max_length=32)
    label_pattern: str | None = Field(
        default=None,
        description="Regular expression on the file's name; its named groups become labels",
    )
    channels: Layout = Layout.MIXED
    policy: dict[Speaker, Literal["on", "off"] | bool] = Field(default_factory=dict)
    after: After = After.KEEP
    move_to: Path | None = Field(
        default=None, description="With `after: move`: where to; relative to the folder"
    )

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if (self.after is After.MOVE) != (self.move_to is not None):
            raise ValueError("`after: move` and `move_to` belong together")
        if self.destination == self.path:
            raise ValueError("move_to: must be another folder than the watched one")
        try:
            self.voices.check()
        except InvalidInputError as error:
            raise ValueError(error.message) from error
        try:
            named = re.compile(self.label_pattern or "(?P<any>)").groupindex
        except re.error as error:
            raise ValueError(f"label_pattern: is no regular expression: {error}") from error
        if not named:
            raise ValueError("label_pattern: needs a named group, such as (?P<agent_id>\\d+)")
        return self

    @property
    def voices(self) -> Voices:
        """Who speaks on which channel, and whom not to monitor."""
        # a bare `off` is false to YAML
        off = frozenset(
            speaker for speaker, switch in self.policy.items() if switch in ("off", False)
        )
        return Voices(self.channels, off)

    @property
    def destination(self) -> Path | None:
        """Where files are moved to."""
        return None if self.move_to is None else self.path / self.move_to

    def wants(self, name: str) -> bool:
        """Whether a file of this name is a recording; hidden ones are still being written."""
        return not name.startswith(".") and any(fnmatchcase(name, each) for each in self.names)

    def labels_of(self, name: str) -> dict[str, str] | None:
        """The labels of a file; None if its name does not fit the pattern."""
        if self.label_pattern is None:
            return dict(self.labels)
        found = re.search(self.label_pattern, name)
        if found is None:
            return None
        read = {label: text for label, text in found.groupdict().items() if text}
        return self.labels | {label: text[:LABEL_CHARACTERS] for label, text in read.items()}
