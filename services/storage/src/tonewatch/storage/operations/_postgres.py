"""The programs that come with PostgreSQL, run on a database that a URL names."""

import asyncio
import os
import shutil
from collections.abc import Sequence

from sqlalchemy import make_url

from tonewatch.shared.errors import ConfigurationError, UnavailableError
from tonewatch.shared.logging import scrub


async def run_program(program: str, url: str, *arguments: str) -> None:
    """Run pg_dump or pg_restore; the password goes through the environment, not the arguments.

    Raises:
        ConfigurationError: the program is not installed.
        UnavailableError: it failed; says what it said last.
    """
    found = shutil.which(program)
    if found is None:
        raise ConfigurationError(
            f"{program} is not installed; it comes with PostgreSQL (Debian: postgresql-client, at "
            f"least as new as the server) and is not in the container image: run {program} where "
            "the server is"
        )
    target, environment = _connection(url)
    process = await asyncio.create_subprocess_exec(
        found,
        *arguments,
        *target,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        last = scrub(said.decode(errors="replace").strip()[-500:])
        raise UnavailableError(f"{program} failed: {last}")


def _connection(url: str) -> tuple[Sequence[str], dict[str, str]]:
    parsed = make_url(url)
    host = parsed.host or str(parsed.query.get("host", ""))
    arguments = [f"--dbname={parsed.database}", f"--username={parsed.username}", "--no-password"]
    arguments += [f"--host={host}"] if host else []
    arguments += [f"--port={parsed.port}"] if parsed.port else []
    return arguments, {"PGPASSWORD": str(parsed.password)} if parsed.password else {}
