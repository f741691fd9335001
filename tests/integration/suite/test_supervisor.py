import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.wait import wait_until
from tonewatch.suite import supervisor as supervisor_module
from tonewatch.suite.child import Child, Stage
from tonewatch.suite.log import SuiteLog
from tonewatch.suite.supervisor import Failure, Supervisor, describe_exit

WRITE_PID = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')"


def python(name: str, code: str, *arguments: object, stage: Stage = Stage.WORKERS) -> Child:
    return Child(name=name, argv=(sys.executable, "-c", code, *map(str, arguments)), stage=stage)


def pids(file: Path) -> list[int]:
    """Of all lives so far."""
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def supervisor(output: io.StringIO) -> AsyncIterator[Supervisor]:
    made = Supervisor(SuiteLog(output), first_pause_seconds=0.05)
    yield made
    await made.stop()


async def test_lines_of_a_process_are_relayed_with_its_name(
    supervisor: Supervisor, output: io.StringIO
) -> None:
    supervisor.start(python("talker", "import time; print('héllo', flush=True); time.sleep(60)"))
    await wait_until(lambda: "talker    | héllo" in output.getvalue())


async def test_a_killed_process_is_started_again_and_said_so(
    supervisor: Supervisor, output: io.StringIO, tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    supervisor.settled = True
    supervisor.start(python("worker", f"{WRITE_PID}; time.sleep(60)", file))
    await wait_until(lambda: pids(file))
    os.kill(pids(file)[0], signal.SIGKILL)
    await wait_until(lambda: len(pids(file)) == 2)
    assert "worker was killed by SIGKILL; starting it again in 0.05 s" in output.getvalue()


async def test_what_a_killed_process_left_behind_ends_with_it(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """The helper holds the output open, as ffmpeg does: without a sweep the end went unnoticed."""
    file, helper = tmp_path / "pids", tmp_path / "helper"
    helping = f"{WRITE_PID}; time.sleep(60)"
    spawn = (
        f"import subprocess; {WRITE_PID}; "
        f"subprocess.Popen([sys.executable, '-c', {helping!r}, sys.argv[2]]); time.sleep(60)"
    )
    supervisor.settled = True
    supervisor.start(python("ingest", spawn, file, helper))
    await wait_until(lambda: pids(helper))
    os.kill(pids(file)[0], signal.SIGKILL)
    await wait_until(lambda: len(pids(file)) == 2)
    assert not is_alive(pids(helper)[0])


async def test_a_process_that_cannot_start_is_reported_by_name(supervisor: Supervisor) -> None:
    supervisor.start(python("storage", "raise SystemExit(1)"))
    failure = await asyncio.wait_for(asyncio.shield(supervisor.failed), 10)
    assert failure == Failure("storage", "ended with exit code 1")


async def test_a_wrong_setting_is_not_tried_twice(supervisor: Supervisor, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    supervisor.start(python("inference", f"{WRITE_PID}; raise SystemExit(2)", file))
    failure = await asyncio.wait_for(asyncio.shield(supervisor.failed), 10)
    assert failure == Failure("inference", "ended with exit code 2")
    assert len(pids(file)) == 1


async def test_a_program_that_is_not_there_is_reported(
    supervisor: Supervisor, output: io.StringIO
) -> None:
    supervisor.start(Child(name="gone", argv=("/no/such/program",), stage=Stage.WORKERS))
    await asyncio.wait_for(asyncio.shield(supervisor.failed), 10)
    assert "cannot run /no/such/program: No such file" in output.getvalue()


async def test_stages_stop_one_after_another(supervisor: Supervisor, tmp_path: Path) -> None:
    log, ready = tmp_path / "order", tmp_path / "ready"
    code = (
        "import signal, sys, time\n"
        "def leave(*_):\n"
        "    time.sleep(0.2)\n"
        "    open(sys.argv[1], 'a').write(sys.argv[3] + '\\n')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "open(sys.argv[2], 'a').write('x')\n"
        "while True: time.sleep(1)\n"
    )
    for name, stage in (("broker", Stage.BROKER), ("ingest", Stage.INGEST), ("pub", Stage(0))):
        supervisor.start(python(name, code, log, ready, name, stage=stage))
    await wait_until(lambda: ready.exists() and ready.read_text() == "xxx")
    await supervisor.stop()
    assert log.read_text().split() == ["pub", "ingest", "broker"]


async def test_one_that_does_not_stop_is_killed_after_its_time(
    supervisor: Supervisor, output: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "STOP_SECONDS", 0.2)
    file = tmp_path / "pids"
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WRITE_PID}"
    supervisor.start(python("deaf", f"{deaf}; time.sleep(60)", file))
    await wait_until(lambda: pids(file))
    await supervisor.stop()
    assert "deaf did not stop in 0.2 s; killing it" in output.getvalue()
    assert not is_alive(pids(file)[0])


async def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    program = (
        "import asyncio, sys\n"
        "from tonewatch.suite.child import Child, Stage\n"
        "from tonewatch.suite.log import SuiteLog\n"
        "from tonewatch.suite.supervisor import Supervisor\n"
        "async def main():\n"
        "    made = Supervisor(SuiteLog())\n"
        "    made.start(Child(name='c', argv=tuple(sys.argv[1:]), stage=Stage.WORKERS))\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    suite = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program,
        sys.executable, "-c", f"{WRITE_PID}; time.sleep(60)", str(file),
    )  # fmt: skip
    await wait_until(lambda: pids(file))
    suite.kill()
    await suite.wait()
    await wait_until(lambda: not is_alive(pids(file)[0]))


@pytest.mark.parametrize(
    ("code", "words"), [(3, "ended with exit code 3"), (-11, "was killed by SIGSEGV")]
)
def test_an_exit_is_told_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
