"""The settings that the suite gives its services, as environment variables.

What ties the parts together (ports, addresses, folders) is the suite's; for everything else a
variable that the user has set wins.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tonewatch.shared.errors import ConfigurationError
from tonewatch.suite.folder import DataFolder
from tonewatch.suite.options import UpOptions
from tonewatch.suite.ports import Ports

LOOPBACK: Final = "127.0.0.1"
LOOPBACK_NETWORK: Final = "127.0.0.0/8"
WEBHOOKS: Final = "TONEWATCH_ALERTING__WEBHOOKS"
SERVICES: Final = ("ingest", "inference", "alerting", "storage", "console")


def suite_environment(
    options: UpOptions,
    ports: Ports,
    folder: DataFolder,
    *,
    broker_url: str,
    ffmpeg: str,
    models: Path,
) -> dict[str, str]:
    """All variables for all services; each reads its own section."""
    user = os.environ
    defaults = _defaults(options, ports, folder, ffmpeg, models)
    demo = _demo(ports, folder, user) if options.plays_demo else {}
    chosen = {name: user.get(name, value) for name, value in defaults.items()}
    return chosen | _wiring(ports, folder, broker_url) | demo | _engine(options)


def _wiring(ports: Ports, folder: DataFolder, broker_url: str) -> dict[str, str]:
    wiring = {
        "TONEWATCH_REDIS__URL": broker_url,
        "TONEWATCH_REDIS__CLUSTER": "false",
        "TONEWATCH_DATA_DIR": str(folder.path),
        "TONEWATCH_TOKEN_FILE": str(folder.token_file),
        "TONEWATCH_INGEST__RTMP_PLAY_BASE": ports.rtmp_base,
    }
    for service in SERVICES:
        port = ports.by_name()[service]
        wiring[f"TONEWATCH_{service.upper()}__PORT"] = str(port)
        if service != "console":
            wiring[f"TONEWATCH_CONSOLE__{service.upper()}_URL"] = f"http://{LOOPBACK}:{port}"
    wiring["TONEWATCH_ALERTING__STORAGE_URL"] = wiring["TONEWATCH_CONSOLE__STORAGE_URL"]
    return wiring


def _defaults(
    options: UpOptions, ports: Ports, folder: DataFolder, ffmpeg: str, models: Path
) -> dict[str, str]:
    defaults = {
        "TONEWATCH_LOG__FORMAT": "console",
        "TONEWATCH_CONSOLE__HOST": options.host,
        "TONEWATCH_INGEST__FFMPEG": ffmpeg,
        "TONEWATCH_INGEST__RTMP_PUBLISH_BASE": ports.rtmp_base,
        # downloads are shared by all data folders of a clone
        "TONEWATCH_INFERENCE__CACHE_DIR": str(models),
    }
    if folder.rules_file.exists():
        defaults["TONEWATCH_ALERTING__RULES_FILE"] = str(folder.rules_file)
    if folder.sources_file.exists():
        defaults["TONEWATCH_INGEST__SOURCES_FILE"] = str(folder.sources_file)
    return defaults


def _engine(options: UpOptions) -> dict[str, str]:
    chosen = {}
    if options.engine is not None:
        chosen["TONEWATCH_INFERENCE__ENGINE"] = options.engine.value
    if model := options.model_name():
        chosen["TONEWATCH_INFERENCE__MODEL"] = model
    return chosen


def _demo(ports: Ports, folder: DataFolder, user: Mapping[str, str]) -> dict[str, str]:
    """The receiver beside the user's own webhooks, and leave to reach this machine."""
    webhooks = _json_list(user, WEBHOOKS)
    url = f"http://{LOOPBACK}:{ports.receiver}/alerts"
    webhooks.append({"name": "demo", "url": url, "secret": folder.webhook_secret})
    demo = {WEBHOOKS: json.dumps(webhooks)}
    for service in ("INGEST", "ALERTING"):
        name = f"TONEWATCH_{service}__EGRESS__ALLOW"
        demo[name] = json.dumps([*_json_list(user, name), LOOPBACK_NETWORK])
    return demo


def _json_list(user: Mapping[str, str], name: str) -> list[Any]:
    try:
        value = json.loads(user.get(name) or "[]")
    except ValueError as error:
        raise ConfigurationError(f"{name} is not JSON: {error}") from error
    if not isinstance(value, list):
        raise ConfigurationError(f"{name} is not a JSON list")
    return value
