"""The demo in containers, as a user starts it: from the played call to the received alert."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.containers.stack import KILL_SERVICE, SIGKILLED, CommandFailedError, Stack, docker
from tests.support.audio import speech_like_pcm, write_wav
from tonewatch.shared.http import create_client

# the first test waits for the build of all images
pytestmark = pytest.mark.timeout(1200)

ALERT_SECONDS: Final = 90
RECOVERY_SECONDS: Final = 90
COMPLETE_SECONDS: Final = 180
RECORDING_SECONDS: Final = 240


def wait_for(question: Callable[[], Any], limit_seconds: float, what: str) -> Any:
    """The first answer that is not empty."""
    end = time.monotonic() + limit_seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.5)
    raise TimeoutError(f"not within {limit_seconds} s: {what}")


def received_alerts(stack: Stack) -> list[dict[str, Any]]:
    items = stack.get("SINK_PORT", "/received")["items"]
    return [item for item in items if item["type"] == "alert.firing"]


def demo_session(stack: Stack) -> dict[str, Any] | None:
    """The newest session, once it has some frames."""
    sessions = stack.get("STORAGE_PORT", "/v1/sessions")["items"]
    known = [item for item in sessions if item["kind"] == "rtmp" and item["scored"] > 2]
    return max(known, key=lambda item: str(item["started_at"])) if known else None


async def upload(stack: Stack, folder: Path) -> str:
    """Upload a recording that keeps three workers busy for seconds; its session id."""
    file = write_wav(folder / "recording.wav", speech_like_pcm(20) * (RECORDING_SECONDS // 20))
    base_url = f"http://127.0.0.1:{stack.environment['INGEST_PORT']}"
    patience = timedelta(minutes=1)
    async with create_client(base_url=base_url, timeout=patience, token=stack.token) as client:
        with file.open("rb") as content:
            answer = await client.post("/v1/audio", files={"file": (file.name, content)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["session_id"])


def session(stack: Stack, session_id: str) -> dict[str, Any]:
    """What storage knows of a session; nothing before its first second."""
    items = stack.get("STORAGE_PORT", "/v1/sessions")["items"]
    return next((item for item in items if item["session_id"] == session_id), {})


def scored(stack: Stack, session_id: str) -> int:
    return int(session(stack, session_id).get("scored", 0))


def check_complete(stack: Stack, session_id: str) -> None:
    """Every second of an ended session was scored, each once, and none is in a gap."""
    with suppress(TimeoutError):  # the comparison says more than the time that passed
        wait_for(lambda: session(stack, session_id)["complete"], COMPLETE_SECONDS, "completeness")
    ended = session(stack, session_id)
    assert (ended["complete"], ended["gaps"], ended["scored"]) == (True, 0, ended["frames"]), ended
    timeline = stack.get("STORAGE_PORT", f"/v1/sessions/{session_id}/timeline")
    assert [item["seq"] for item in timeline["items"]] == list(range(ended["frames"]))


def kill(stack: Stack, container: str) -> None:
    """SIGKILL its service; return when the engine has started it again."""
    before = stack.inspect(container)["RestartCount"]
    try:
        docker("exec", container, "python", "-c", KILL_SERVICE)
    except CommandFailedError as error:
        # the command runs in the container, and may go down with it before it can answer
        if error.status != SIGKILLED:
            raise
    wait_for(
        lambda: stack.inspect(container)["RestartCount"] > before, RECOVERY_SECONDS, "a restart"
    )


def test_the_alert_of_the_demo_call_arrives_signed_in_the_webhook_sink(stack: Stack) -> None:
    alerts = wait_for(lambda: received_alerts(stack), ALERT_SECONDS, "an alert in the sink")
    assert alerts[0]["data"]["rule"] == "angry"
    assert stack.get("SINK_PORT", "/received")["refused"] == 0


def test_every_container_is_healthy_and_inference_runs_three_times(stack: Stack) -> None:
    states = {item["Name"]: (item["State"], item["Health"]) for item in stack.status()}
    # the player has no health of its own: that its call arrives is another test
    assert {name: s for name, s in states.items() if s != ("running", "healthy")} == {
        f"{stack.name}-publisher-1": ("running", "")
    }
    assert len(stack.containers("inference")) == 3


async def test_killing_every_worker_in_mid_call_and_mid_recording_loses_no_second(
    stack: Stack, tmp_path: Path
) -> None:
    call = wait_for(lambda: demo_session(stack), ALERT_SECONDS, "a scored demo session")
    recording_id = await upload(stack, tmp_path)
    wait_for(lambda: scored(stack, recording_id), RECOVERY_SECONDS, "the recording being scored")
    at_first_kill = scored(stack, recording_id)
    for worker in stack.containers("inference"):
        kill(stack, worker)
    assert at_first_kill < RECORDING_SECONDS, "the workers had no work in hand"
    # enough of the call after the kills to cover the time in which dead workers' frames are claimed
    wait_for(
        lambda: scored(stack, call["session_id"]) >= call["scored"] + 20,
        RECOVERY_SECONDS,
        "the call being scored further",
    )
    stack.compose("stop", "publisher")
    try:
        for session_id in (call["session_id"], recording_id):
            check_complete(stack, session_id)
    finally:
        stack.compose("start", "publisher")


def test_health_answers_from_this_machine_by_get_and_post(stack: Stack) -> None:
    for port in ("INGEST_PORT", "ALERTING_PORT", "STORAGE_PORT", "CONSOLE_PORT"):
        for method in ("GET", "POST"):
            assert stack.ask(method, port, "/health")["status"] == "healthy"
