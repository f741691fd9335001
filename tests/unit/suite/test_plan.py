from pathlib import Path

import pytest

from tonewatch.suite.broker_server import BrokerServer
from tonewatch.suite.child import Stage
from tonewatch.suite.folder import DataFolder
from tonewatch.suite.options import UpOptions
from tonewatch.suite.plan import Plan, urls
from tonewatch.suite.ports import Ports


def plan(folder: Path, *, demo: bool = False) -> Plan:
    return Plan(
        options=UpOptions(demo=demo),
        ports=Ports(),
        root=folder,
        folder=DataFolder(folder),
        broker=BrokerServer("redis-server", folder / "broker"),
        ffmpeg="ffmpeg",
        nginx=None,
    )


def test_without_a_door_the_demo_is_served_to_be_pulled(tmp_path: Path) -> None:
    names = {child.name for child in plan(tmp_path, demo=True).children()}
    assert names == {
        "ingest", "inference", "alerting", "storage", "console", "receiver", "relay",
    }  # fmt: skip


def test_without_the_demo_nothing_of_it_runs(tmp_path: Path) -> None:
    names = {child.name for child in plan(tmp_path).children()}
    assert names == {"ingest", "inference", "alerting", "storage", "console"}
    assert set(plan(tmp_path).ports_used()) == names


def test_who_writes_is_stopped_before_who_is_written_to(tmp_path: Path) -> None:
    of = {child.name: child.stage for child in plan(tmp_path, demo=True).children()}
    publisher = plan(tmp_path).publisher("rtmp://127.0.0.1/live/k").stage
    assert publisher < of["ingest"] < of["inference"] < of["receiver"] < Stage.BROKER


def test_no_secret_stands_in_a_command_line(tmp_path: Path) -> None:
    made = plan(tmp_path, demo=True)
    children = [*made.children(), made.publisher("rtmp://127.0.0.1/live/stream-key")]
    words = " ".join(word for child in children for word in child.argv)
    assert DataFolder(tmp_path).webhook_secret not in words
    assert "stream-key" not in words
    assert "stream-key" not in repr(children)


def test_the_addresses_say_that_there_is_no_rtmp_door(tmp_path: Path) -> None:
    shown = dict(urls(plan(tmp_path)))
    assert shown["console"] == "http://127.0.0.1:7860"
    # the inner services answer nobody who could open their pages
    assert not any(":808" in address for address in shown.values())
    assert shown["RTMP push"].startswith("off")


async def test_a_client_shows_the_token_that_the_services_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plan(tmp_path).client("storage") as client:
        kept = (tmp_path / "token").read_text().strip()
        assert client.headers["Authorization"] == f"Bearer {kept}"
        assert str(client.base_url) == "http://127.0.0.1:8082"
    monkeypatch.setenv("TONEWATCH_TOKEN", "given-by-the-user-0123")
    async with plan(tmp_path).client("storage") as client:
        assert client.headers["Authorization"] == "Bearer given-by-the-user-0123"


def test_a_long_folder_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    short, long = BrokerServer("r", Path("/data/broker")), BrokerServer("r", deep)
    assert short.socket == Path("/data/broker/broker.sock")
    assert len(str(long.socket)) < 100
    assert long.socket != BrokerServer("r", tmp_path / ("y" * 120)).socket
