"""The engine's state is always told, its answers are checked, and it never blocks the loop."""

import asyncio
import math
import threading

import numpy as np
import pytest

from tests.support.engines import HeldEngine, PickyEngine, WrongEngine
from tests.support.wait import wait_until
from tonewatch.inference import host as host_module
from tonewatch.inference.engines.base import Engine
from tonewatch.inference.engines.fake import FakeEngine
from tonewatch.inference.host import EngineHost, waveform
from tonewatch.shared.errors import EngineError, UnavailableError
from tonewatch.shared.metrics import Metrics

SECOND = bytes(32_000)


def host_of(engine: Engine) -> EngineHost:
    return EngineHost.around(engine, Metrics())


def test_pcm_becomes_float32_in_minus_one_to_one() -> None:
    pcm = np.array([0, 16_384, -32_768, 32_767] * 200, dtype="<i2").tobytes()
    samples = waveform(pcm)
    assert samples.dtype == np.float32
    assert samples[:4].tolist() == [0, 0.5, -1, 32_767 / 32_768]


def test_a_very_short_window_is_padded_in_front() -> None:
    samples = waveform(b"\0\x40")
    assert len(samples) == 400
    assert samples[-1] == 0.5
    assert not samples[:-1].any()


async def test_it_is_not_ready_before_it_is_loaded_and_ready_after() -> None:
    host = host_of(FakeEngine())
    with pytest.raises(UnavailableError, match="loading"):
        await host.check()
    assert not host.state().ready
    await host.load()
    assert await host.check() == "ready"
    assert host.state().model_dump() == {
        "engine": "fake",
        "model": "fake",
        "revision": "1",
        "device": "cpu",
        "precision": "fp32",
        "backend": "numpy",
        "ready": True,
        "detail": "ready",
    }
    await host.close()


async def test_loading_tries_again_while_the_hub_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "FIRST_RETRY_SECONDS", 0.01)

    class Remote(FakeEngine):
        attempts = 0

        def load(self) -> None:
            self.attempts += 1
            if self.attempts < 3:
                raise UnavailableError("no route to the hub")

    engine = Remote()
    await host_of(engine).load()
    assert engine.attempts == 3


async def test_a_model_that_cannot_be_used_is_an_error_at_once() -> None:
    class Broken(FakeEngine):
        def load(self) -> None:
            raise EngineError("model.pt is missing")

    host = host_of(Broken())
    with pytest.raises(EngineError, match=r"model\.pt is missing"):
        await host.load()
    assert host.state().detail == "model.pt is missing"


async def test_a_computing_engine_leaves_the_event_loop_free() -> None:
    engine = HeldEngine()
    host = host_of(engine)
    await host.load()
    call = asyncio.create_task(host.score([SECOND]))
    await wait_until(engine.entered.is_set)
    assert not call.done()
    assert host.busy_seconds > 0
    engine.released.set()
    assert len(await call) == 1
    assert host.busy_seconds == 0


async def test_all_calls_come_from_one_thread_that_is_not_the_main_one() -> None:
    threads = set()

    class Watching(FakeEngine):
        def load(self) -> None:
            threads.add(threading.current_thread())

        def close(self) -> None:
            threads.add(threading.current_thread())

    host = host_of(Watching())
    await host.load()
    await host.close()
    (thread,) = threads
    assert thread is not threading.main_thread()
    assert thread.daemon


async def test_failures_in_a_row_show_in_the_readiness_until_one_succeeds() -> None:
    host = host_of(PickyEngine())
    await host.load()
    poison = b"\0\x60" * 16_000
    for _ in range(2):
        with pytest.raises(EngineError, match="CUDA error"):
            await host.score([poison])
    with pytest.raises(UnavailableError, match="2 calls in a row failed"):
        await host.check()
    await host.score([SECOND])
    assert await host.check() == "ready"


@pytest.mark.parametrize(
    "engine",
    [
        WrongEngine([math.nan] * 9),
        WrongEngine([0.5] * 9),
        WrongEngine([0.2] * 5),
        WrongEngine([1] + [0] * 8, count=0),
        WrongEngine([1] + [0] * 8, count=2),
    ],
)
async def test_an_answer_that_is_none_is_never_passed_on(engine: Engine) -> None:
    host = host_of(engine)
    await host.load()
    with pytest.raises(EngineError):
        await host.score([SECOND])
