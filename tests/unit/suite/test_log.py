import io
from typing import Any

from tonewatch.suite.log import SuiteLog


def test_every_line_carries_the_name_of_its_process() -> None:
    out = io.StringIO()
    log = SuiteLog(out)
    log.line("ingest", "started port=8080")
    log.say("ready")
    first, second = out.getvalue().splitlines()
    assert first.endswith("ingest    | started port=8080")
    assert second.endswith("suite     | ready")


def test_hidden_processes_are_remembered_not_printed() -> None:
    out = io.StringIO()
    log = SuiteLog(out, hide_processes=True)
    log.line("ingest", "started")
    log.say("ready")
    assert "started" not in out.getvalue()
    assert "ready" in out.getvalue()
    assert log.tail("ingest", 5) == ["started"]


def test_a_tail_prefers_lines_that_tell_of_trouble() -> None:
    log = SuiteLog(io.StringIO())
    for text in ("started", "[error] no rules", "polling", "polling"):
        log.line("alerting", text)
    assert log.tail("alerting", 2) == ["[error] no rules"]
    assert log.tail("nobody", 2) == []


def test_a_reader_that_went_away_does_not_stop_the_suite() -> None:
    class Gone(io.StringIO):
        def write(self, _text: Any) -> int:
            raise BrokenPipeError

    SuiteLog(Gone()).say("stopping")
