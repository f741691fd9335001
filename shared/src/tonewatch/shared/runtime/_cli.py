"""The command line of every service: run, check-config, healthcheck."""

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import typer
import yaml

from tonewatch.shared import logging
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.errors import TonewatchError
from tonewatch.shared.http import HTTPError, create_client
from tonewatch.shared.redis_client import create_redis
from tonewatch.shared.runtime._serve import run_service
from tonewatch.shared.runtime._service import Service
from tonewatch.shared.settings import Settings

SettingsT = TypeVar("SettingsT", bound=Settings)


def main(
    service_class: type[Service[SettingsT]],
    settings_class: type[SettingsT],
    extend: Callable[[typer.Typer], None] | None = None,
) -> None:
    """Parse the command line and do what it says; `extend` may add subcommands."""
    app = build_cli(service_class, settings_class)
    if extend is not None:
        extend(app)
    try:
        app(standalone_mode=True)
    except TonewatchError as error:
        print(f"tonewatch-{service_class.name}: {error.message}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


def build_cli(
    service_class: type[Service[SettingsT]], settings_class: type[SettingsT]
) -> typer.Typer:
    """The three subcommands of a service."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help=f"The {service_class.name} service of Tonewatch.",
    )

    @app.command()
    def run() -> None:
        """Run the service until it is told to stop."""
        asyncio.run(_run(service_class, settings_class.load()))

    @app.command("check-config")
    def check_config() -> None:
        """Print the effective settings, secrets masked; exit 2 if they cannot be used."""
        settings = settings_class.load()
        print(yaml.safe_dump(settings.masked(), allow_unicode=True, sort_keys=False))  # noqa: T201

    @app.command()
    def healthcheck() -> None:
        """Ask the running service whether it is alive; exit 1 if not (for containers)."""
        options = getattr(settings_class.load(), service_class.name)
        problem = asyncio.run(_ask_health(options.port))
        if problem:
            print(problem, file=sys.stderr)  # noqa: T201
            raise SystemExit(1)

    return app


async def _run(service_class: type[Service[Any]], settings: Settings) -> None:
    logging.configure(settings.log, service_class.name)
    client = create_redis(settings.redis, f"tonewatch-{service_class.name}")
    broker = RedisBroker(client, partitions=settings.partitions)
    try:
        await run_service(service_class(settings, broker))
    finally:
        await broker.close()


async def _ask_health(port: int) -> str | None:
    async with create_client(timeout=timedelta(seconds=3)) as client:
        try:
            response = await client.get(f"http://127.0.0.1:{port}/health")
        except HTTPError as error:
            return f"no answer on port {port}: {error}"
    return None if response.is_success else f"/health answered {response.status_code}"
