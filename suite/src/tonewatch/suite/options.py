"""What a person asked the suite to do."""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tonewatch.shared.errors import ConfigurationError


class Engine(StrEnum):
    """What listens to the voices."""

    COMPACT = "compact"
    EMOTION2VEC = "emotion2vec"
    FAKE = "fake"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """The options of `tonewatch-suite up`.

    Raises:
        ConfigurationError: they contradict each other.
    """

    demo: bool = False
    check: bool = False
    engine: Engine | None = None
    model: str | None = None
    port_offset: int = 0
    host: str = "127.0.0.1"
    rtmp: bool = True
    check_seconds: float = 90.0
    data: Path | None = None

    def __post_init__(self) -> None:
        if self.model is not None and self.engine is not Engine.EMOTION2VEC:
            raise ConfigurationError("--model chooses a model for --engine emotion2vec; add that")

    @property
    def plays_demo(self) -> bool:
        """Whether the conversation is played: a check is a demo that watches itself."""
        return self.demo or self.check

    @property
    def effective_engine(self) -> str:
        """What listens: what was asked for, else what the environment says, else the default."""
        if self.engine is not None:
            return self.engine.value
        return os.environ.get("TONEWATCH_INFERENCE__ENGINE", Engine.COMPACT.value)

    def model_name(self) -> str | None:
        """The model as the worker is told: a folder by its full path, a hub id as it is."""
        if self.model is not None and Path(self.model).is_dir():
            return str(Path(self.model).resolve())
        return self.model
