"""A full-size emotion2vec+ large (random weights) hears a live call over RTMP, on the CPU."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.require import require_path
from tests.support.suite import free_offset, suite
from tests.support.wait import wait_until
from tonewatch.shared.http import create_client
from tonewatch.shared.token import kept_token
from tonewatch.suite.demo.audio import CONVERSATION
from tonewatch.suite.ports import Ports

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_random_emotion2vec.py"
SPEECH_SECONDS = 3


@pytest.fixture
async def model_dir(tmp_path: Path) -> Path:
    """164 million random parameters in the published layout."""
    pytest.importorskip("funasr", reason="the emotion2vec extra is not installed")
    folder = tmp_path / "emotion2vec_plus_large"
    making = await asyncio.create_subprocess_exec(sys.executable, str(SCRIPT), str(folder))
    assert await making.wait() == 0
    assert (folder / "model.pt").stat().st_size > 600_000_000
    return folder


@pytest.mark.timeout(400)
async def test_a_live_call_is_scored_by_the_large_model(tmp_path: Path, model_dir: Path) -> None:
    require_path(CONVERSATION, "the bundled call")
    offset = free_offset()
    options = ["--demo", "--engine", "emotion2vec", "--model", str(model_dir)]
    options += ["--data", str(tmp_path / "data"), "--port-offset", str(offset)]
    storage = f"http://127.0.0.1:{Ports.moved(offset).storage}"
    found: list[dict[str, Any]] = []
    async with suite(*options) as running:
        await running.prints("Tonewatch is ready", timeout_seconds=240)
        token = kept_token(tmp_path / "data" / "token")
        async with create_client(base_url=storage, token=token) as client:

            async def heard() -> bool:
                answer = await client.get("/v1/records", params={"order": "asc", "limit": 200})
                found[:] = [r for r in answer.json()["items"] if r["emotion"] != "no_speech"]
                return len(found) >= SPEECH_SECONDS

            await wait_until(heard, timeout_seconds=120, interval_seconds=0.5)
    for record in found:
        assert record["engine"] == "emotion2vec"
        assert record["confidence"] > 0
        assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-3)
