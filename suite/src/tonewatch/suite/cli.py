"""The command line: up (all of Tonewatch), and the demo's parts, which containers run too."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tonewatch.shared.errors import ConfigurationError, TonewatchError
from tonewatch.suite.broker_server import BrokerServer
from tonewatch.suite.demo.audio import CONVERSATION, pipe_argv, push_argv
from tonewatch.suite.demo.publisher import publish as run_publisher
from tonewatch.suite.folder import DataFolder, repository_root
from tonewatch.suite.log import SuiteLog
from tonewatch.suite.options import Engine, UpOptions
from tonewatch.suite.plan import Plan
from tonewatch.suite.ports import Ports
from tonewatch.suite.tools import find_broker, find_ffmpeg, find_nginx
from tonewatch.suite.up import up as run_up

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Runs all of Tonewatch on this machine.",
)

Audio = Annotated[
    Path | None, typer.Option(envvar="TONEWATCH_DEMO_AUDIO", help="Default: the bundled call.")
]
Ffmpeg = Annotated[
    str | None, typer.Option(envvar="TONEWATCH_DEMO_FFMPEG", help="Default: the one found.")
]
Host = Annotated[str, typer.Option(envvar="TONEWATCH_DEMO_HOST", help="Address to listen on.")]


@app.command()
def up(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Play a call and receive its alerts.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="See a call through from score to webhook, then stop.")
    ] = False,
    check_seconds: Annotated[
        float, typer.Option(min=1, help="How long --check waits for all of it.")
    ] = 90.0,
    engine: Annotated[Engine | None, typer.Option(help="What listens.")] = None,
    model: Annotated[
        str | None, typer.Option(help="For emotion2vec: a folder or a hub id.")
    ] = None,
    port_offset: Annotated[int, typer.Option(help="Added to every port.")] = 0,
    host: Annotated[
        str, typer.Option(help="Where console and RTMP listen; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    rtmp: Annotated[bool, typer.Option("--rtmp/--no-rtmp", help="Take RTMP pushes.")] = True,
    data: Annotated[
        Path | None, typer.Option(help="Data folder; default: data (data/check for --check).")
    ] = None,
) -> None:
    """Start everything; Ctrl-C stops everything."""
    options = UpOptions(
        demo=demo,
        check=check,
        engine=engine,
        model=model,
        port_offset=port_offset,
        host=host,
        rtmp=rtmp,
        check_seconds=check_seconds,
        data=data,
    )
    log = SuiteLog(hide_processes=check)
    raise SystemExit(asyncio.run(run_up(make_plan(options, log), log)))


@app.command()
def publish(
    *,
    rtmp_url: Annotated[
        str, typer.Option(envvar="TONEWATCH_DEMO_RTMP_URL", help="Where to, stream key included.")
    ],
    audio: Audio = None,
    ffmpeg: Ffmpeg = None,
    loop: Annotated[
        bool, typer.Option("--loop", envvar="TONEWATCH_DEMO_LOOP", help="Over and over.")
    ] = False,
) -> None:
    """Play the demo call to an RTMP server in real time."""
    argv = push_argv(ffmpeg or find_ffmpeg(), conversation(audio), rtmp_url, loop=loop)
    tell(f"playing {conversation(audio).name}")
    raise SystemExit(run_publisher(argv, tell, again=loop))


@app.command()
def sink(
    secret: Annotated[
        str, typer.Option(envvar="TONEWATCH_DEMO_WEBHOOK_SECRET", help="whsec_... of the webhook.")
    ],
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="TONEWATCH_DEMO_SINK_PORT")] = 8090,
) -> None:
    """Receive webhooks, verify their signatures, print them; GET /received lists them."""
    # FastAPI takes a third of the time to start; `up` does without it
    from tonewatch.suite.demo import sink as sink_module  # noqa: PLC0415

    try:
        sink_app = sink_module.build_app(sink_module.Sink(secret, tell))
    except ValueError as error:
        raise ConfigurationError(f"the webhook secret is not whsec_ and base64: {error}") from error
    serve(sink_app, host, port)


@app.command()
def relay(
    audio: Audio = None,
    ffmpeg: Ffmpeg = None,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="TONEWATCH_DEMO_RELAY_PORT")] = 8091,
) -> None:
    """Serve the demo call over HTTP in real time, to be pulled where nothing can be pushed."""
    from tonewatch.suite.demo import relay as relay_module  # noqa: PLC0415 - as in sink

    argv = pipe_argv(ffmpeg or find_ffmpeg(), conversation(audio))
    serve(relay_module.build_app(argv), host, port)


def serve(application: Any, host: str, port: int) -> None:
    """Serve HTTP until told to stop; open streams are given a second."""
    import uvicorn  # noqa: PLC0415 - as in sink

    uvicorn.run(
        application,
        host=host,
        port=port,
        log_level="warning",
        ws="none",
        timeout_graceful_shutdown=1,
    )


def make_plan(options: UpOptions, log: SuiteLog) -> Plan:
    """Find what the suite needs, and say what was found."""
    root = repository_root()
    folder = DataFolder(options.data or root / "data" / ("check" if options.check else ""))
    program, origin = find_broker()
    nginx = find_nginx() if options.rtmp else None
    log.say(f"broker: {origin}")
    if nginx is None and options.rtmp:
        log.say("RTMP push is off: install nginx and libnginx-mod-rtmp to have it")
    return Plan(
        options=options,
        ports=Ports.moved(options.port_offset),
        root=root,
        folder=folder,
        broker=BrokerServer(program, folder.path / "broker"),
        ffmpeg=find_ffmpeg(),
        nginx=nginx,
    )


def conversation(audio: Path | None) -> Path:
    """The audio to play.

    Raises:
        ConfigurationError: it is not there.
    """
    chosen = audio or CONVERSATION
    if not chosen.is_file():
        raise ConfigurationError(f"there is no audio file {chosen}")
    return chosen


def tell(text: str) -> None:
    """One line to standard output, at once."""
    print(text, flush=True)


def main() -> None:
    """Do what the command line says; errors a person can act on are one sentence, exit code 2."""
    try:
        app()
    except TonewatchError as error:
        print(f"tonewatch-suite: {error.message}", file=sys.stderr)
        raise SystemExit(2) from None
