"""A PostgreSQL server of its own on a unix socket, for the length of a measurement."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "tonewatch"


@contextmanager
def postgres(folder: Path) -> Iterator[str | None]:
    """Start a server with its own settings, but for memory; yields a database URL.

    Commits are durable (fsync), as in production. None where PostgreSQL is not installed.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        yield None
        return
    home = folder / "postgres"
    home.mkdir()
    owner = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    if owner is not None:
        folder.chmod(0o755)
        shutil.chown(home, owner)

    def run(program: str, *arguments: str) -> None:
        command = [str(programs[-1] / program), "-D", str(home / "data"), *arguments]
        subprocess.run(command, check=True, user=owner, cwd=home, stdout=subprocess.DEVNULL)

    run("initdb", "-U", USER, "-A", "trust", "-E", "UTF8")
    options = f"-c listen_addresses='' -c unix_socket_directories={home} -c shared_buffers=512MB"
    run("pg_ctl", "-w", "-l", str(home / "log"), "-o", options, "start")
    try:
        yield f"postgresql+asyncpg://{USER}@/postgres?host={home}"
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")
