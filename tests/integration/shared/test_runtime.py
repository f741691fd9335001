"""The service skeleton: probes, errors, supervised loops, drain and signals."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
from fastapi import APIRouter
from pydantic import Field
from typer.testing import CliRunner

from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    NotFoundError,
    UnavailableError,
)
from tonewatch.shared.http import create_client
from tonewatch.shared.runtime import Loop, Service, _serve, serving
from tonewatch.shared.runtime._cli import build_cli
from tonewatch.shared.runtime._serve import _listen
from tonewatch.shared.settings import Port, ServiceOptions, Settings
from tonewatch.shared.streams import FRAMES, Stream

PROGRAM = Path(__file__).parents[2] / "support" / "sample_service.py"


class Options(ServiceOptions):
    port: Port = 0
    drain_seconds: float = 5


class SampleSettings(Settings):
    section: ClassVar[str] = "ingest"
    ingest: Options = Field(default_factory=Options)


class Sample(Service[SampleSettings]):
    name = "ingest"
    streams: ClassVar[tuple[Stream, ...]] = (FRAMES,)
    trims: ClassVar[tuple[Stream, ...]] = (FRAMES,)

    def __init__(self, broker: MemoryBroker, **options: float) -> None:
        super().__init__(SampleSettings(ingest=Options(**options)), broker)
        self.memory = broker
        self.rounds = 0
        self.events: list[str] = []
        self.failures: list[Exception] = []

    def loops(self) -> Sequence[Loop]:
        return [self.work]

    async def work(self, stop: asyncio.Event) -> None:
        self.rounds += 1
        if self.failures:
            raise self.failures.pop(0)
        await stop.wait()
        self.events.append("drained")

    def routers(self) -> Sequence[APIRouter]:
        router = APIRouter()

        @router.get("/lost/{name}")
        async def lost(name: str) -> None:
            raise NotFoundError(f"no call {name} at rtmp://user:pw@host/live/key")

        @router.get("/away")
        async def away() -> None:
            raise UnavailableError("later")

        @router.get("/number/{number}")
        async def number(number: int) -> int:
            return number

        return [router]

    async def close(self) -> None:
        self.events.append("closed")


@pytest.fixture
def sample(memory_broker: MemoryBroker) -> Sample:
    return Sample(memory_broker)


async def test_health_answers_get_and_post(sample: Sample) -> None:
    async with running(sample) as url, create_client(base_url=url) as client:
        for answer in (await client.get("/health"), await client.post("/health")):
            assert answer.status_code == 200
            assert answer.json()["status"] == "healthy"


async def test_readiness_names_the_check_that_fails(sample: Sample) -> None:
    async def broken() -> str:
        raise RuntimeError("disk on fire")

    async with running(sample) as url, create_client(base_url=url) as client:
        assert (await client.get("/ready")).json()["checks"]["redis"]["ok"]
        sample.memory.available = False
        sample.health.add("disk", broken)
        answer = await client.get("/ready")
        assert answer.status_code == 503
        checks = answer.json()["checks"]
        assert "unavailable" in checks["redis"]["detail"]
        assert checks["disk"] == {"ok": False, "detail": "RuntimeError: disk on fire"}


async def test_a_service_says_what_it_is_and_no_secret(
    memory_broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEWATCH_REDIS__URL", "redis://:topsecret@host/0")
    sample = Sample(memory_broker)
    async with running(sample) as url, create_client(base_url=url) as client:
        about = (await client.get("/about")).json()
    assert about["service"] == sample.name
    assert {"fastapi", "redis"} <= about["packages"].keys()
    assert about["settings"]["redis"]["url"]
    assert "topsecret" not in str(about)


async def test_errors_have_one_form_and_no_secrets(sample: Sample) -> None:
    async with running(sample) as url, create_client(base_url=url) as client:
        lost = await client.get("/lost/7")
        assert lost.status_code == 404
        assert lost.json()["error"] == "NotFoundError"
        assert "no call 7" in lost.json()["detail"]
        assert "pw" not in lost.text
        away = await client.get("/away")
        assert (away.status_code, away.headers["Retry-After"]) == (503, "2")
        wrong = await client.get("/number/x")
        assert wrong.status_code == 422
        assert "path.number" in wrong.json()["detail"]


async def test_requests_are_measured_by_route(sample: Sample) -> None:
    async with running(sample) as url, create_client(base_url=url) as client:
        await client.get("/number/1")
        await client.get("/number/2")
        await client.get("/nowhere")
        text = (await client.get("/metrics")).text
    assert 'http_requests_total{method="GET",route="/number/{number}",status="200"} 2.0' in text
    assert 'route="unmatched",status="404"} 1.0' in text


async def test_a_failing_loop_is_started_again_and_counted(sample: Sample) -> None:
    sample.failures = [ValueError("bug"), BrokerUnavailableError(), NotFoundError("x")]
    async with running(sample):
        await wait_until(lambda: sample.rounds == 4)
        metrics = sample.metrics.render().decode()
        assert 'loop_failures_total{loop="work"} 3.0' in metrics
    assert sample.events == ["drained", "closed"]


async def test_a_service_ends_though_a_loop_loses_a_cancellation(
    memory_broker: MemoryBroker, caplog: pytest.LogCaptureFixture
) -> None:
    class Stubborn(Sample):
        async def work(self, stop: asyncio.Event) -> None:
            self.rounds += 1
            for _ in range(2):
                with suppress(asyncio.CancelledError):  # as `wait_for` of Python 3.11 may
                    await asyncio.Event().wait()
                self.events.append("lost")
            raise UnavailableError("what comes too late is nobody's")

    sample = Stubborn(memory_broker, drain_seconds=0.01)
    async with asyncio.timeout(10), running(sample):
        await wait_until(lambda: sample.rounds)
    assert sample.events == ["lost", "lost", "closed"]
    assert "never retrieved" not in caplog.text


async def test_a_service_starts_without_the_broker_and_sets_up_when_it_comes(
    memory_broker: MemoryBroker,
) -> None:
    sample = Sample(memory_broker)
    memory_broker.available = False
    async with running(sample) as url, create_client(base_url=url) as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/ready")).status_code == 503
        assert sample.rounds == 0
        memory_broker.available = True
        await wait_until(lambda: sample.rounds == 1)


async def test_a_service_starts_as_soon_as_what_it_needs_is_there(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_serve, "OPEN_AGAIN_SECONDS", 0.01)
    missing = [UnavailableError("the database is away"), UnavailableError("it starts")]

    async def open_() -> None:
        if missing:
            raise missing.pop()

    monkeypatch.setattr(sample, "open", open_)
    async with running(sample) as url, create_client(base_url=url) as client:
        assert (await client.get("/health")).is_success
        assert missing == []


async def test_a_service_that_waits_for_what_it_needs_can_be_stopped(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def open_() -> None:
        stop.set()
        raise UnavailableError("the database is away")

    stop = asyncio.Event()
    monkeypatch.setattr(sample, "open", open_)
    with pytest.raises(ConfigurationError, match=r"before it could start: the database is away"):
        async with serving(sample, stop):
            raise AssertionError("it was never there")
    assert sample.events == ["closed"]


async def test_a_taken_port_is_a_readable_error(
    sample: Sample, memory_broker: MemoryBroker
) -> None:
    async with running(sample) as url:
        taken = Sample(memory_broker)
        port = int(url.rpartition(":")[2])
        taken.settings = SampleSettings(ingest=Options(port=port))
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with running(taken):
                pass


def environment(**extra: str) -> dict[str, str]:
    return {**os.environ, "TONEWATCH_LOG__FORMAT": "json", **extra}


def test_a_process_drains_on_sigterm_and_exits_0(redis_server_url: str) -> None:
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), "run"],
        env=environment(TONEWATCH_REDIS__URL=redis_server_url, TONEWATCH_INGEST__PORT="0"),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if '"started"' in line:
                process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert any("drained" in line for line in lines)


def test_the_command_line_checks_the_configuration() -> None:
    good = subprocess.run(
        [sys.executable, str(PROGRAM), "check-config"],
        env=environment(TONEWATCH_REDIS__URL="redis://:topsecret@host"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "partitions: 16" in good.stdout
    assert "topsecret" not in good.stdout
    bad = subprocess.run(
        [sys.executable, str(PROGRAM), "check-config"],
        env=environment(TONEWATCH_PARTITIONS="none"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert bad.returncode == 2
    assert "partitions" in bad.stderr
    assert "Traceback" not in bad.stderr


async def test_the_health_check_command_is_content_with_an_answer(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(sample) as url:
        monkeypatch.setenv("TONEWATCH_INGEST__PORT", url.rpartition(":")[2])
        command = build_cli(Sample, SampleSettings)
        done = await asyncio.to_thread(CliRunner().invoke, command, ["healthcheck"])
    assert (done.exit_code, done.output) == (0, "")


def test_the_health_check_command_fails_when_nobody_answers() -> None:
    answer = subprocess.run(
        [sys.executable, str(PROGRAM), "healthcheck"],
        env=environment(TONEWATCH_INGEST__PORT="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "no answer on port 1" in answer.stderr


def test_the_second_part_of_an_answer_does_not_wait_for_the_first_to_be_acknowledged() -> None:
    with (
        _listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
