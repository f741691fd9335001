"""A compose project of its own for tests: own name, ports and subnet, and nothing left behind."""

import json
import os
import random
import secrets
import subprocess
import urllib.request
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from tests.support.ports import free_port

ROOT: Final = Path(__file__).parents[2]
PORTS: Final = (
    "CONSOLE_PORT", "RTMP_PORT", "AUDIOSOCKET_PORT",
    "INGEST_PORT", "ALERTING_PORT", "STORAGE_PORT", "SINK_PORT",
)  # fmt: skip
BUILD_LIMIT: Final = timedelta(minutes=12)
UP_LIMIT: Final = timedelta(minutes=5)
COMMAND_LIMIT: Final = timedelta(minutes=3)

KILL_SERVICE: Final = """
import os, signal
children = open("/proc/1/task/1/children").read().split()
assert children, "the container has no init process with the service under it"
os.kill(int(children[0]), signal.SIGKILL)
"""
"""Run in a container: like a crash, and unlike `docker kill`, it triggers the restart policy."""

SIGKILLED: Final = 128 + 9
"""The status of a command that was killed."""


class CommandFailedError(AssertionError):
    """A docker command failed; the message has its output."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def docker(*arguments: str, limit: timedelta = COMMAND_LIMIT, **environment: str) -> str:
    """Standard output of a docker command."""
    done = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=limit.total_seconds(),
        check=False,
    )
    if done.returncode:
        shown = f"docker {' '.join(arguments)} ended with {done.returncode}"
        output = f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
        raise CommandFailedError(f"{shown}:\n{output}", done.returncode)
    return done.stdout


def make_environment() -> dict[str, str]:
    """Ports, subnet and image names that no other project uses."""
    ports = {name: str(free_port()) for name in PORTS}
    subnet = f"198.51.100.{16 * random.randrange(16)}/28"
    # short, so that a worker that was killed is soon seen to be healthy again
    return {**ports, "DEMO_SUBNET": subnet, "TONEWATCH_VERSION": "test", "HEALTH_INTERVAL": "2s"}


@dataclass
class Stack:
    """One running project."""

    name: str = field(default_factory=lambda: f"tonewatch-test-{secrets.token_hex(3)}")
    environment: dict[str, str] = field(default_factory=make_environment)

    def compose(self, *arguments: str, limit: timedelta = COMMAND_LIMIT) -> str:
        """Standard output of a compose command on this project, demo included."""
        options = ("compose", "--project-name", self.name, "--profile", "demo")
        return docker(*options, *arguments, limit=limit, **self.environment)

    def containers(self, service: str) -> list[str]:
        """Ids of a service's containers."""
        return self.compose("ps", "--all", "--quiet", service).split()

    def status(self) -> list[dict[str, Any]]:
        """What `docker compose ps` knows of each container."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return [json.loads(line) for line in lines if line.strip()]

    def inspect(self, container: str) -> dict[str, Any]:
        """What the engine knows of one container."""
        found: dict[str, Any] = json.loads(docker("inspect", container))[0]
        return found

    @cached_property
    def token(self) -> SecretStr:
        """What the services show each other."""
        return SecretStr(self.compose("exec", "-T", "storage", "cat", "/suite/token").strip())

    @cached_property
    def key(self) -> SecretStr:
        """An API key of the console, made as the README says."""
        command = ("tonewatch-console", "key", "--name", "tests")
        return SecretStr(self.compose("exec", "-T", "console", *command).strip())

    def ask(self, method: str, port: str, path: str) -> Any:
        """A JSON answer from a published port; shown is the suite's token, a key at the console."""
        shown = self.key if port == "CONSOLE_PORT" else self.token
        url = f"http://127.0.0.1:{self.environment[port]}{path}"
        headers = {"Authorization": f"Bearer {shown.get_secret_value()}"}
        request = urllib.request.Request(url, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own address
            return json.load(answer)

    def get(self, port: str, path: str) -> Any:
        """A JSON answer to GET."""
        return self.ask("GET", port, path)

    def up(self, workers: int) -> None:
        """Build, start, and wait until all is healthy."""
        self.compose("build", limit=BUILD_LIMIT)
        self.compose("up", "--wait", "--scale", f"inference={workers}", limit=UP_LIMIT)

    def down(self) -> None:
        """Stop and remove everything, data included."""
        self.compose("down", "--volumes", "--timeout", "15")

    def leftovers(self) -> list[str]:
        """What the engine still has of this project."""
        mine = f"label=com.docker.compose.project={self.name}"
        kinds = (("container", "--all"), ("volume",), ("network",))
        return [
            f"{kind} {name}"
            for kind, *options in kinds
            for name in docker(kind, "ls", *options, "--quiet", "--filter", mine).split()
        ]
