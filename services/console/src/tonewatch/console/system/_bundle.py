"""The support bundle: what somebody who helps from afar has to know, and no secret.

Services mask what they know to be secret; everything is scrubbed once more on its way in, because a
bundle leaves the house.
"""

import asyncio
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from tonewatch.console.system._look import Look
from tonewatch.shared.logging import scrub
from tonewatch.shared.runtime import scrubbed

MOST_SOURCES: Final = 200
FAILURES: Final = 100

README: Final = """\
A support bundle of Tonewatch.

versions.json       versions of every service, its Python and its packages
settings/           the effective settings of every service, secrets masked
checks.json         what every service checks, and how it went
streams.json        how far the readers of every stream are
metrics/            the figures of every service, as Prometheus gets them
transitions.json    sources, and their newest changes of state
failures.json       the newest deliveries that failed, without what was in them

It holds no passwords, keys or secrets, and no audio. It does hold names of sources, rules and
receivers, addresses of machines, and ids of calls: look through it before you hand it on.
"""


async def bundle(look: Look, checks: Any, own_about: Mapping[str, Any]) -> bytes:
    """The bundle as a ZIP file; what cannot be asked for says so in its place."""
    about, metrics, streams, transitions, failures = await asyncio.gather(
        look.about(),
        look.metrics(),
        look.streams(),
        _transitions(look),
        look.json("alerting", f"/v1/deliveries?state=failed&limit={FAILURES}"),
    )
    services = {**about, "console": dict(own_about)}
    files = {
        "README.txt": README,
        "versions.json": _text({name: _without_settings(each) for name, each in services.items()}),
        "checks.json": _text(checks),
        "streams.json": _text(streams),
        "transitions.json": _text(transitions),
        "failures.json": _text(failures),
        **{f"settings/{name}.json": _text(each) for name, each in _settings(services).items()},
        **{f"metrics/{name}.txt": scrub(text) for name, text in metrics.items()},
    }
    return await asyncio.to_thread(_packed, files)


async def _transitions(look: Look) -> Any:
    answer = await look.json("ingest", "/v1/sources")
    sources = answer.get("items", [])[:MOST_SOURCES]
    paths = [f"/v1/sources/{quote(str(each['id']), safe='')}/history" for each in sources]
    histories = await asyncio.gather(*(look.json("ingest", path) for path in paths))
    told = [
        {"source": source, "history": history}
        for source, history in zip(sources, histories, strict=True)
    ]
    return told or answer


def _settings(services: Mapping[str, Any]) -> dict[str, Any]:
    return {name: about.get("settings", about) for name, about in services.items()}


def _without_settings(about: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in about.items() if name != "settings"}


def _text(value: Any) -> str:
    return json.dumps(scrubbed(value), ensure_ascii=False, indent=2, default=str)


def _packed(files: Mapping[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"tonewatch-support/{name}", text)
    return target.getvalue()
