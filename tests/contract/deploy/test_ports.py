"""Which ports the compose file publishes, on which addresses, and what listens behind them."""

import re
from pathlib import Path

from tests.support.compose import load
from tests.support.pages import ROOT, assignments, both

DEPLOY = ROOT / "deploy"
SERVICES = load((DEPLOY / "docker-compose.yml").read_text())["services"]
PORT = re.compile(
    r"(?:127\.0\.0\.1|\$\{(?P<bind>\w+_BIND):-0\.0\.0\.0\}):\$\{(?P<port>\w+_PORT):-(?P<default>\d+)\}:"
    r"(?P<inside>\d+)"
)
OPEN = {"CONSOLE_PORT": 7860, "RTMP_PORT": 1935, "AUDIOSOCKET_PORT": 9092}
LOCAL = {"INGEST_PORT": 8080, "ALERTING_PORT": 8081, "STORAGE_PORT": 8082, "SINK_PORT": 8090}


def published() -> list[re.Match[str]]:
    found = [PORT.fullmatch(p) for service in SERVICES.values() for p in service.get("ports", [])]
    assert all(found), "a port is published in another form than the others"
    return [each for each in found if each]


def test_only_these_ports_are_open_and_each_can_be_bound_elsewhere() -> None:
    ports = published()
    assert {p["port"]: int(p["default"]) for p in ports if p["bind"]} == OPEN
    assert {p["port"]: int(p["default"]) for p in ports if not p["bind"]} == LOCAL
    for each in ports:
        assert each["inside"] == each["default"]
        if each["bind"]:
            assert each["bind"].removesuffix("_BIND") == each["port"].removesuffix("_PORT")


def test_ingest_listens_where_audiosocket_is_published() -> None:
    ingest = SERVICES["ingest"]
    inside = ingest["environment"]["TONEWATCH_INGEST__AUDIOSOCKET_PORT"]
    (mapping,) = (port for port in ingest["ports"] if "AUDIOSOCKET" in port)
    assert mapping.endswith(f":{inside}")


@both("ways-in/asterisk.md")
def test_what_the_asterisk_page_puts_into_env_is_known_there(page: Path) -> None:
    example = (DEPLOY / ".env.example").read_text()
    named = [name for name in assignments(page) if not name.startswith("TONEWATCH_")]
    assert len(named) == 3
    assert [name for name in named if f"\n{name}=" not in example] == []
