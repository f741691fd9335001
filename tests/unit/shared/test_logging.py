"""Logs are one JSON object per line, and no secret gets into one."""

import json
import logging as standard_logging
from collections.abc import Iterator

import pytest
import structlog

from tonewatch.shared import logging
from tonewatch.shared.settings import LogOptions


@pytest.fixture
def _restored_logging() -> Iterator[None]:
    root = standard_logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("rtmp://u:pw@host/live/secretkey", "rtmp://***@host/live/***"),
        ("rtmp://host/live/secretkey?x=1", "rtmp://host/live/***?x=1"),
        ("http://bob:pw@host/a.mp3", "http://***@host/a.mp3"),
        ("https://host/a?token=abc&b=2", "https://host/a?token=***&b=2"),
        ("https://oapi/robot/send?access_token=abc", "https://oapi/robot/send?access_token=***"),
        (
            "srt://h:9?streamid=#!::u=a&passphrase=b&latency=1",
            "srt://h:9?streamid=***&passphrase=***&latency=1",
        ),
        ("rtsp://admin:pw@camera/1", "rtsp://***@camera/1"),
        ("Authorization: Bearer Zm9vYmFyLWJheg_0123~", "Authorization: Bearer ***"),
        ("the key tw_01h8x9_Zm9vYmFyLWJheg-0123 is void", "the key tw_*** is void"),
        ("show a key: Bearer tw_...", "show a key: Bearer tw_..."),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_credentials_are_scrubbed(text: str, scrubbed: str) -> None:
    assert logging.scrub(text) == scrubbed


@pytest.mark.usefixtures("_restored_logging")
def test_own_and_foreign_loggers_write_the_same_json(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(LogOptions(format="json"), "ingest")
    logging.get_logger("own").info("pulling", url="http://bob:pw@host/a", seconds=1.5)
    standard_logging.getLogger("foreign").warning("opened %s", "rtmp://h/live/topsecret")
    own, foreign = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert own["event"] == "pulling"
    assert own["url"] == "http://***@host/a"
    assert own["service"] == "ingest"
    assert own["level"] == "info"
    assert foreign["event"] == "opened rtmp://h/live/***"
    assert foreign["level"] == "warning"


@pytest.mark.usefixtures("_restored_logging")
def test_exceptions_are_part_of_the_line_and_scrubbed(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(LogOptions(format="json"), "ingest")
    try:
        raise RuntimeError("http://bob:pw@host")
    except RuntimeError:
        logging.get_logger("own").exception("broke")
    (line,) = capsys.readouterr().err.splitlines()
    assert "RuntimeError" in json.loads(line)["exception"]
    assert "pw" not in line


@pytest.mark.usefixtures("_restored_logging")
def test_the_console_format_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure(LogOptions(format="console", level="warning"), "ingest")
    logging.get_logger("own").info("hidden")
    logging.get_logger("own").warning("shown", key="http://a:b@c")
    text = capsys.readouterr().err
    assert "hidden" not in text
    assert "shown" in text
    assert "a:b" not in text
