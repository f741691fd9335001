"""A real PostgreSQL server in a folder of its own, on a unix socket, for tests."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.require import missing

USER = "tonewatch"


def server_folder() -> Path | None:
    """Where initdb and pg_ctl lie on this machine; None if PostgreSQL is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@contextmanager
def postgres_server() -> Iterator[Path]:
    """Start a server; yields the folder of its socket, and ends it."""
    if server_folder() is None:
        missing("PostgreSQL is not installed: no initdb on PATH or in /usr/lib/postgresql")
    folder = Path(tempfile.mkdtemp(prefix="tw-pg-"))
    if (owner := _owner()) is not None:
        shutil.chown(folder, owner)
    try:
        _run(folder, "initdb", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        start(folder)
        try:
            yield folder
        finally:
            stop(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stopped_server() -> Iterator[Path]:
    """A server that was stopped; the test may start it."""
    with postgres_server() as folder:
        stop(folder)
        try:
            yield folder
        finally:
            if not (folder / "data/postmaster.pid").exists():
                start(folder)


def start(folder: Path) -> None:
    """Start the server of this folder (again), and wait until it answers."""
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    _run(folder, "pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")


def stop(folder: Path) -> None:
    """End it at once, as a power cut would: connections break, and it recovers when started."""
    _run(folder, "pg_ctl", "-w", "-m", "immediate", "stop")


def _run(folder: Path, program: str, *arguments: str) -> None:
    programs = server_folder()
    assert programs is not None
    subprocess.run(
        [str(programs / program), "-D", str(folder / "data"), *arguments],
        check=True,
        user=_owner(),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def _owner() -> str | None:
    return "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
