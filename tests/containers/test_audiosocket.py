"""Asterisk reaches ingest's container where the compose file says."""

import pytest

from tests.containers.stack import Stack
from tests.support.audio import speech_like_pcm
from tests.support.sockets import AsteriskCall
from tests.support.wait import wait_until
from tonewatch.shared.http import create_client

pytestmark = pytest.mark.timeout(1200)


async def test_a_call_comes_in_through_the_published_port(stack: Stack) -> None:
    port = int(stack.environment["AUDIOSOCKET_PORT"])
    base = f"http://127.0.0.1:{stack.environment['INGEST_PORT']}"
    async with create_client(base_url=base, token=stack.token) as client:
        wish = {"name": "hotline", "kind": "audiosocket"}
        source = (await client.post("/v1/sources", json=wish)).json()
        key, url = source["stream_key"], f"/v1/sources/{source['id']}"
        assert source["publish_url"] == f"audiosocket://localhost:{port}/{key}"
        call = await AsteriskCall.dial(port, key)
        await call.audio(speech_like_pcm(2), 0x12)

        async def is_live() -> bool:
            return bool((await client.get(url)).json()["state"] == "live")

        await wait_until(is_live)
        await call.close()
        assert (await client.delete(url)).status_code == 204
