"""The console shows the services the suite's own token, whatever was shown to the console."""

from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from tests.support.fake_suite import fake_suite
from tests.support.public_door import public_door
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import create_client

TOKEN: Final = "the-token-of-this-suite"
OTHER: Final = "the-token-of-that-suite"


@pytest.mark.parametrize("shown", [TOKEN, OTHER])
async def test_services_answer_the_console_by_their_token_alone(
    broker: RedisBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    monkeypatch.setenv("TONEWATCH_TOKEN", TOKEN)
    async with fake_suite() as suite:
        urls = {f"{name}_url": url for name, url in suite.urls.items()}
        monkeypatch.setenv("TONEWATCH_TOKEN", shown)
        async with (
            public_door(broker, tmp_path, **urls) as door,
            create_client(base_url=door.base, token=SecretStr(door.key)) as client,
        ):
            listed = await client.get("/api/v1/sources")
            wav = {"file": ("a.wav", b"RIFF")}
            uploaded = await client.post("/api/v1/audio", files=wav)
            states = (await client.get("/api/v1/system")).json()["items"]
    if shown == TOKEN:
        assert (listed.status_code, uploaded.status_code) == (200, 202)
    else:
        # not 401: whoever asked has signed in, and should not be sent to do it again
        for answer in (listed, uploaded):
            assert answer.status_code == 503
            assert answer.json()["service"] == "ingest"
            assert "TONEWATCH_TOKEN_FILE" in answer.json()["detail"]
    assert {each["state"] for each in states} == {"ready"}
