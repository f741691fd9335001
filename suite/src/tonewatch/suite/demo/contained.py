"""The demo's parts as containers run them: each makes itself known to the running suite.

`run.sh --demo` gives the services their demo settings. A compose profile cannot change what is
outside it, so here the player makes its source in ingest, and the receiver its webhook in alerting,
through their APIs; the receiver takes its webhook away again when it stops.
Run as `python -m tonewatch.suite.demo.contained publish|sink`.
"""

import asyncio
import base64
import secrets
import signal
import sys
from typing import Annotated, Final, NoReturn

import typer
import uvicorn

from tonewatch.shared.errors import ConfigurationError, TonewatchError, UnavailableError
from tonewatch.shared.http import AsyncClient, HTTPError, Response, create_client
from tonewatch.shared.settings import Settings
from tonewatch.shared.token import suite_token
from tonewatch.suite.demo import sink as sink_module
from tonewatch.suite.demo.audio import CONVERSATION, push_argv
from tonewatch.suite.demo.publisher import publish as run_publisher
from tonewatch.suite.demo.source import push_source
from tonewatch.suite.tools import find_ffmpeg

WEBHOOK_NAME: Final = "demo"
SECRET_BYTES: Final = 24
PORT: Final = 8090

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def publish(
    ingest_url: Annotated[str, typer.Option(envvar="TONEWATCH_DEMO_INGEST_URL")],
    rtmp_base: Annotated[str, typer.Option(envvar="TONEWATCH_DEMO_RTMP_BASE")],
) -> None:
    """Make the demo source, and play the call to it over and over."""
    if not CONVERSATION.is_file():
        raise ConfigurationError(f"this image has no demo call: {CONVERSATION} is missing")
    source = asyncio.run(_make_source(ingest_url, rtmp_base))
    _tell(f"playing {CONVERSATION.name} to source {source[0]}")
    argv = push_argv(find_ffmpeg(), CONVERSATION, source[1], loop=True)
    raise SystemExit(run_publisher(argv, _tell, again=True))


@app.command()
def sink(
    alerting_url: Annotated[str, typer.Option(envvar="TONEWATCH_DEMO_ALERTING_URL")],
    own_url: Annotated[str, typer.Option(envvar="TONEWATCH_DEMO_OWN_URL")],
) -> None:
    """Register as a webhook under a secret made now, and receive until told to stop."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    # uvicorn raises the signal again when it has stopped; that must not skip the goodbye
    signal.signal(signal.SIGTERM, _leave)
    asyncio.run(_register(alerting_url, own_url, secret))
    receiver = sink_module.build_app(sink_module.Sink(secret, _tell))
    try:
        uvicorn.run(receiver, host="0.0.0.0", port=PORT, log_level="warning", ws="none")  # noqa: S104
    finally:
        asyncio.run(_unregister(alerting_url))


async def _make_source(ingest_url: str, rtmp_base: str) -> tuple[str, str]:
    async with _client(ingest_url) as client:
        source = await push_source(client, rtmp_base)
    return source.source_id, source.push_url


async def _register(alerting_url: str, own_url: str, secret: str) -> None:
    async with _client(alerting_url) as client:
        await _remove_former(client)  # its secret is forgotten
        wanted = {"name": WEBHOOK_NAME, "url": own_url, "secret": secret}
        _check(await client.post("/v1/webhooks", json=wanted))
    _tell(f"registered {own_url} as webhook {WEBHOOK_NAME!r}")


async def _unregister(alerting_url: str) -> None:
    async with _client(alerting_url) as client:
        await _remove_former(client)


async def _remove_former(client: AsyncClient) -> None:
    answer = _check(await client.get("/v1/webhooks"))
    for webhook in answer.json()["items"]:
        if webhook["name"] == WEBHOOK_NAME:
            _check(await client.delete(f"/v1/webhooks/{webhook['id']}"))


def _client(base_url: str) -> AsyncClient:
    return create_client(base_url=base_url, token=suite_token(Settings.load()))


def _check(response: Response) -> Response:
    if not response.is_success:
        raise TonewatchError(
            f"alerting refused the demo webhook ({response.status_code}): {response.text[:300]}"
        )
    return response


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


def _tell(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Do what the command line says; an error a person can act on is one sentence, exit code 2."""
    try:
        app()
    except HTTPError as error:
        problem: TonewatchError = UnavailableError(f"a service does not answer: {error}")
    except TonewatchError as error:
        problem = error
    else:
        return
    print(f"tonewatch demo: {problem.message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
