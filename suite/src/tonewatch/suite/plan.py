"""Which processes make up a suite, and how each is started and known to be ready."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.settings import Settings
from tonewatch.shared.token import suite_token
from tonewatch.suite.broker_server import BrokerServer
from tonewatch.suite.child import Child, Stage
from tonewatch.suite.demo.audio import RELAY_PATH
from tonewatch.suite.environment import LOOPBACK, SERVICES, suite_environment
from tonewatch.suite.folder import DataFolder
from tonewatch.suite.nginx import TEMPLATE, rtmp_child
from tonewatch.suite.options import UpOptions
from tonewatch.suite.ports import Ports
from tonewatch.suite.readiness import http_ready
from tonewatch.suite.tools import Nginx

STAGES: Final = {"ingest": Stage.INGEST, "console": Stage.DOORS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that was found and decided before the first process starts."""

    options: UpOptions
    ports: Ports
    root: Path
    folder: DataFolder
    broker: BrokerServer
    ffmpeg: str
    nginx: Nginx | None

    def url(self, part: str) -> str:
        """Where a part answers HTTP."""
        return f"http://{LOOPBACK}:{self.ports.by_name()[part]}"

    @property
    def rtmp_base(self) -> str:
        """Where encoders push to, less the stream key."""
        return self.ports.rtmp_base

    @property
    def relay_url(self) -> str:
        """Where the demo is pulled from if it cannot be pushed (the door's port is free then)."""
        return f"http://{LOOPBACK}:{self.ports.rtmp}{RELAY_PATH}"

    def client(self, part: str) -> AsyncClient:
        """An HTTP client of a service of this suite, which shows their token."""
        settings = Settings.load().model_copy(update={"token_file": self.folder.token_file})
        return create_client(base_url=self.url(part), token=suite_token(settings))

    def ports_used(self) -> dict[str, int]:
        """The ports that this plan will listen on."""
        used = self.ports.by_name()
        if not self.options.plays_demo:
            del used["receiver"]
            if self.nginx is None:
                del used["rtmp"]
        return used

    def children(self) -> list[Child]:
        """All processes beside the broker and the publisher."""
        env = suite_environment(
            self.options,
            self.ports,
            self.folder,
            broker_url=self.broker.url,
            ffmpeg=self.ffmpeg,
            models=self.root / "data" / "models",
        )
        children = [self._service(name, env) for name in SERVICES]
        if self.nginx is not None:
            children.append(self._rtmp(self.nginx))
        if self.options.plays_demo:
            children.append(self._receiver())
            if self.nginx is None:
                children.append(self._relay())
        return children

    def publisher(self, push_url: str) -> Child:
        """Plays the conversation to the demo source's key, which is told by environment."""
        return Child(
            name="publisher",
            argv=own_command("publish", "--loop"),
            env={"TONEWATCH_DEMO_RTMP_URL": push_url, "TONEWATCH_DEMO_FFMPEG": self.ffmpeg},
            stage=Stage.PUBLISHER,
        )

    def _service(self, name: str, env: dict[str, str]) -> Child:
        return Child(
            name=name,
            argv=(script(f"tonewatch-{name}"), "run"),
            env=env,
            stage=STAGES.get(name, Stage.WORKERS),
            ready=http_ready(f"{self.url(name)}/ready"),
        )

    def _rtmp(self, nginx: Nginx) -> Child:
        return rtmp_child(
            nginx,
            self.folder.path / "rtmp",
            self.root / TEMPLATE,
            host=self.options.host,
            port=self.ports.rtmp,
            ingest_url=self.url("ingest"),
        )

    def _receiver(self) -> Child:
        return Child(
            name="receiver",
            argv=own_command("sink", "--port", str(self.ports.receiver)),
            env={"TONEWATCH_DEMO_WEBHOOK_SECRET": self.folder.webhook_secret},
            stage=Stage.RECEIVER,
            ready=http_ready(f"{self.url('receiver')}/health"),
        )

    def _relay(self) -> Child:
        return Child(
            name="relay",
            argv=own_command("relay", "--port", str(self.ports.rtmp)),
            env={"TONEWATCH_DEMO_FFMPEG": self.ffmpeg},
            stage=Stage.PUBLISHER,
            ready=http_ready(f"http://{LOOPBACK}:{self.ports.rtmp}/health"),
        )


def script(name: str) -> str:
    """A console script of this virtual environment."""
    return str(Path(sys.executable).with_name(name))


def own_command(*arguments: str) -> tuple[str, ...]:
    """A subcommand of this program."""
    return (script("tonewatch-suite"), *arguments)


def urls(plan: Plan) -> Sequence[tuple[str, str]]:
    """What a person can open, and what it is called."""
    console = plan.url("console")
    pages = [("console", console), ("public API", f"{console}/api/v1/openapi.json")]
    rtmp = f"{plan.rtmp_base}/<stream key>" if plan.nginx else "off"
    return [*pages, ("RTMP push", rtmp), ("data", str(plan.folder.path))]
