"""Labels are mapped by their text."""

import pytest

from tonewatch.inference.engines._labels import columns
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import EngineError

PUBLISHED = [
    "生气/angry",
    "厌恶/disgusted",
    "恐惧/fearful",
    "开心/happy",
    "中立/neutral",
    "其他/other",
    "难过/sad",
    "吃惊/surprised",
    "<unk>",
]


def test_the_published_labels_are_in_our_order() -> None:
    assert columns(PUBLISHED) == tuple(range(9))


def test_another_order_is_followed() -> None:
    turned = ["unuse_0", *reversed(PUBLISHED), "unuse_1"]
    assert [turned[column] for column in columns(turned)] == PUBLISHED


def test_an_older_revision_with_five_labels_is_refused() -> None:
    with pytest.raises(EngineError, match=r"has 5 labels.*missing: disgusted, fearful"):
        columns(["生气/angry", "开心/happy", "中立/neutral", "难过/sad", "<unk>"])


def test_a_strange_label_is_named() -> None:
    with pytest.raises(EngineError, match="unexpected: bored"):
        columns([*PUBLISHED[:-1], "无聊/bored"])


def test_a_label_that_comes_twice_is_refused() -> None:
    with pytest.raises(EngineError, match="angry twice"):
        columns([*PUBLISHED, "angry"])


def test_there_are_as_many_columns_as_emotions() -> None:
    assert len(columns(PUBLISHED)) == len(EMOTIONS)
