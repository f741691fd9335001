"""With the suite's own token asked for, encoders and callers still come in by their stream keys."""

from typing import Final

import pytest
from pydantic import SecretStr

from tests.integration.ingest.calls import add
from tests.integration.ingest.conftest import MakeIngest
from tests.support.running import running
from tests.support.sockets import closing, heard, hello, say, websocket
from tonewatch.shared.http import create_client

TOKEN: Final = "the-token-of-this-suite"
PCM: Final = "/v1/ws/pcm"


async def test_the_doors_ask_for_stream_keys_and_the_api_for_the_token(
    make_ingest: MakeIngest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEWATCH_TOKEN", TOKEN)
    async with (
        running(make_ingest()) as base,
        create_client(base_url=base, token=SecretStr(TOKEN)) as suite,
        create_client(base_url=base) as stranger,
    ):
        assert (await stranger.get("/v1/sources")).status_code == 401
        line, encoder = await add(suite), await add(suite, "rtmp")
        async with websocket(base, PCM) as socket:
            await say(socket, hello(key=line["stream_key"]))
            assert (await heard(socket))["type"] == "started"
            await say(socket, {"type": "end"})
            assert await closing(socket) == (1000, "the sender ended the stream")
        async with websocket(base, PCM, {"Authorization": f"Bearer {TOKEN}"}) as socket:
            await say(socket, hello())
            code, _ = await closing(socket)
            assert code != 1000, "the token is no stream key"
        for key, status in ((encoder["stream_key"], 302), ("wrong", 403), (TOKEN, 403)):
            wish = {"call": "publish", "app": "live", "name": key, "clientid": "7"}
            answer = await stranger.post("/internal/rtmp/on_publish", data=wish)
            assert answer.status_code == status, key
