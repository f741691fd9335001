"""Queries that are narrowed to somebody's labels."""

from urllib.parse import parse_qsl

import pytest

from tonewatch.console.auth.permissions import ROLES, Role
from tonewatch.console.auth.principal import Principal, joined_labels
from tonewatch.console.narrowing import narrowed_query
from tonewatch.shared.errors import ForbiddenError


def somebody(**labels: str) -> Principal:
    return Principal("lin", Role.AGENT, ROLES[Role.AGENT], "session", labels)


@pytest.mark.parametrize(
    ("query", "added"),
    [
        ("", []),
        ("limit=5&from=2026-01-01", []),
        ("label=queue:vip", [("label", "queue:vip")]),
        ("agent_id=1042", []),
        ("q=%26label%3Dagent_id%3A7", []),
        ("emotion=angry&emotion=sad", []),
        ("empty=", []),
    ],
)
def test_the_labels_are_added_to_what_is_asked(query: str, added: list[tuple[str, str]]) -> None:
    narrowed = parse_qsl(narrowed_query(query, somebody(agent_id="1042")), keep_blank_values=True)
    assert narrowed[-1] == ("label", "agent_id:1042")
    assert narrowed[:-1] == parse_qsl(query, keep_blank_values=True)
    assert set(added) <= set(narrowed)


def test_what_is_asked_twice_stands_once() -> None:
    query = "label=agent_id:1042&label=agent_id:1042"
    assert narrowed_query(query, somebody(agent_id="1042")) == "label=agent_id%3A1042"


def test_values_are_never_taken_for_more_parameters() -> None:
    narrowed = narrowed_query("", somebody(team="a&label=agent_id:7", queue="甲:乙"))
    assert parse_qsl(narrowed) == [("label", "team:a&label=agent_id:7"), ("label", "queue:甲:乙")]


@pytest.mark.parametrize(
    "query",
    ["label=agent_id:7", "label=agent_id:", "label=agent_id", "agent_id=7", "agent_id="],
)
def test_asking_for_something_else_is_refused(query: str) -> None:
    with pytest.raises(ForbiddenError, match="agent_id=1042"):
        narrowed_query(query, somebody(agent_id="1042"))


def test_a_label_that_a_filter_could_take_for_another_is_refused() -> None:
    with pytest.raises(ForbiddenError, match="cannot limit"):
        narrowed_query("", somebody(**{"agent_id:1": "2"}))


def test_somebody_sees_only_what_carries_all_labels() -> None:
    both = somebody(agent_id="1", queue="vip")
    assert both.sees({"agent_id": "1", "queue": "vip", "more": "x"})
    for labels in ({}, {"agent_id": "1"}, {"agent_id": "1", "queue": "x"}, {"queue": "vip"}):
        assert not both.sees(labels)
    assert somebody().sees({})


def test_limits_hold_together_or_nothing_carries_both() -> None:
    assert joined_labels({"a": "1"}, {"b": "2"}) == {"a": "1", "b": "2"}
    assert joined_labels({"a": "1"}, {"a": "1"}) == {"a": "1"}
    assert joined_labels({"a": "1"}, {"a": "2", "b": "2"}) is None
