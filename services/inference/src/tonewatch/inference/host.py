"""The engine and its state: loading, ready, failing. Only its own thread touches it."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel

from tonewatch.inference.engine_thread import EngineThread
from tonewatch.inference.engines.base import Engine, Waveform, WindowScore
from tonewatch.inference.engines.factory import create_engine
from tonewatch.inference.settings import InferenceOptions
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import EngineError, UnavailableError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics

FIRST_RETRY_SECONDS: Final = 2.0
LONGEST_RETRY_SECONDS: Final = 60.0
LEAST_SAMPLES: Final = 400
"""The shortest window an engine takes; a track's first frame may be shorter and is padded."""

log = get_logger(__name__)


class EngineState(BaseModel):
    """What GET /v1/engine answers."""

    engine: str
    model: str
    revision: str
    device: str
    precision: str
    backend: str
    ready: bool
    detail: str


class EngineHost:
    """Loads the engine, calls it, and knows how it is."""

    def __init__(self, options: InferenceOptions, models_dir: Path, metrics: Metrics) -> None:
        self._engine: Engine = create_engine(options, models_dir, self._report)
        self._thread = EngineThread()
        self._metrics = metrics
        self._detail = "loading"
        self._ready = asyncio.Event()
        self._failed_calls = 0
        self._busy_since: float | None = None
        metrics.set("engine_ready", 0)

    @classmethod
    def around(cls, engine: Engine, metrics: Metrics) -> "EngineHost":
        """A host of an engine that was built elsewhere."""
        host = cls(InferenceOptions(engine="fake"), Path(), metrics)
        host._engine = engine
        return host

    @property
    def engine(self) -> Engine:
        """The engine, for its name, model and revision."""
        return self._engine

    @property
    def failed_calls(self) -> int:
        """How many calls in a row have failed."""
        return self._failed_calls

    @property
    def busy_seconds(self) -> float:
        """How long the present call has taken so far; 0 between calls."""
        return 0.0 if self._busy_since is None else time.monotonic() - self._busy_since

    @property
    def gpu_memory_bytes(self) -> int:
        """What the engine holds on its GPU; 0 without one."""
        ask = getattr(self._engine, "gpu_memory_bytes", None)
        return ask() if ask is not None and self._ready.is_set() else 0

    def state(self) -> EngineState:
        """How it is, for people."""
        return EngineState(
            engine=self._engine.name,
            model=self._engine.model,
            revision=self._engine.revision,
            device=getattr(self._engine, "device", "cpu"),
            precision=getattr(self._engine, "precision", "fp32"),
            backend=getattr(self._engine, "backend", "numpy"),
            ready=self._ready.is_set(),
            detail=self._detail,
        )

    async def check(self) -> str:
        """The readiness check.

        Raises:
            UnavailableError: it is not ready, or its calls fail; says why.
        """
        if not self._ready.is_set() or self._failed_calls:
            raise UnavailableError(self._detail)
        return self._detail

    async def wait_ready(self) -> None:
        """Return once the engine can score."""
        await self._ready.wait()

    async def load(self) -> None:
        """Load the engine; tries again while a hub cannot be reached.

        Raises:
            EngineError: the model cannot be used.
        """
        pause = FIRST_RETRY_SECONDS
        while True:
            self._detail = "loading"
            log.info("loading", engine=self._engine.name, model=self._engine.model)
            started = time.monotonic()
            try:
                await self._thread.run(self._engine.load)
            except UnavailableError as error:
                self._detail = error.message
                log.warning("model is not available yet", reason=error.message, retry_seconds=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_RETRY_SECONDS)
                continue
            except EngineError as error:
                self._detail = error.message
                raise
            seconds = round(time.monotonic() - started, 2)
            log.info("engine ready", seconds=seconds, **self.state().model_dump(include=_NAMES))
            break
        self._detail = "ready"
        self._metrics.set("engine_ready", 1)
        self._metrics.set("engine_info", 1, **self.state().model_dump(include=_NAMES))
        self._ready.set()

    async def score(self, windows: Sequence[bytes]) -> list[WindowScore]:
        """One engine call on windows of PCM (s16le); the answers are checked.

        Raises:
            EngineError: the call failed, or its answer is no answer.
        """
        self._busy_since = time.monotonic()
        try:
            answers = await self._thread.run(lambda: _call(self._engine, windows))
        except Exception as error:
            self._failed_calls += 1
            self._detail = f"{self._failed_calls} calls in a row failed: {error}"
            raise EngineError(f"the engine failed: {type(error).__name__}: {error}") from error
        finally:
            self._metrics.observe("compute_seconds", self.busy_seconds)
            self._busy_since = None
        self._failed_calls = 0
        self._detail = "ready"
        return answers

    async def close(self) -> None:
        """Release the engine, unless a call still runs; its thread ends with the process."""
        if self._busy_since is None and self._ready.is_set():
            await self._thread.run(self._engine.close)
        self._thread.close()

    def _report(self, detail: str) -> None:
        if detail != self._detail:
            self._detail = detail
            log.info(detail)


SUM_TOLERANCE: Final = 1e-3
_NAMES: Final = {"engine", "model", "revision", "device", "precision", "backend"}


def waveform(pcm: bytes) -> Waveform:
    """PCM s16le as float32 in [-1, 1), at least as long as an engine needs."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
    missing = LEAST_SAMPLES - len(samples)
    return samples if missing <= 0 else np.pad(samples, (missing, 0))


def _call(engine: Engine, windows: Sequence[bytes]) -> list[WindowScore]:
    answers = engine.score([waveform(pcm) for pcm in windows])
    if len(answers) != len(windows):
        raise EngineError(f"{len(answers)} answers to {len(windows)} windows")
    for answer in answers:
        _check(answer)
    return answers


def _check(answer: WindowScore) -> None:
    """A wrong number must not be published as a score."""
    labels = len(EMOTIONS)
    if answer.probabilities.shape != (labels,) or answer.steps.shape[1:] != (labels,):
        raise EngineError(
            f"an answer of shape {answer.probabilities.shape} and {answer.steps.shape}"
        )
    for posterior in (answer.probabilities, answer.steps):
        # a NaN or an infinity in a row shows in its sum, and no comparison with it is true
        if not (np.abs(posterior.sum(axis=-1) - 1) < SUM_TOLERANCE).all():
            raise EngineError("an answer that is no probability")
