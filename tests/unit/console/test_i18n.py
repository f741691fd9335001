"""The catalogue is complete, and the right language is chosen."""

import re
from enum import StrEnum

import pytest

from tonewatch.alerting.delivery.payload import EventType
from tonewatch.alerting.delivery.tables import BodyFormat, DeliveryState
from tonewatch.alerting.notices.listing import Telling
from tonewatch.alerting.notices.model import AlertVerdict, EventKind, HoldReason, NoticeKind
from tonewatch.alerting.rules import NoDataKind
from tonewatch.alerting.rules.stored import RuleAction
from tonewatch.console.i18n import CATALOGUE, LANGUAGES, catalogue, choose_language, texts
from tonewatch.shared.emotions import CHINESE, EMOTIONS
from tonewatch.shared.messages import AlertState, GapReason, Priority, SessionState, Speaker

PACKAGE = CATALOGUE.parent
SOURCES = [
    *PACKAGE.glob("static/js/*.js"),
    *PACKAGE.glob("templates/*.html"),
    PACKAGE / "pages.py",
]

OPEN_SETS = (
    *("emotion.", "label.", "speaker.", "priority.", "system.", "alerts.", "page.language."),
    *("sources.state.", "sources.kind.", "telling.", "held.", "verdict.", "event.", "notice."),
    *("type.", "delivery.", "history.what.", "found.", "session.", "gap.", "hooks.format."),
    *("hooks.standing.", "rules.standing.", "rules.action.", "rules.edit.", "rules.switch."),
    *("rules.data.", "quality.", "disk.", "why.state."),
    *("rules.data.", "role.", "role.hint.", "via.", "deed."),
)
"""Keys with these beginnings are also made from values at run time."""

LITERAL_KEY = re.compile(r"[\"'`]((?:[a-z]+\.)+[a-z_]+)[\"'`]")


def used_keys() -> set[str]:
    text = "\n".join(path.read_text("utf-8") for path in SOURCES)
    known = {key.partition(".")[0] for key in catalogue()}
    literals = {key for key in LITERAL_KEY.findall(text) if not key.endswith(".html")}
    whole = {key for key in literals if key in catalogue()}
    prefixes = {key.rpartition(".")[0] for key in catalogue()}
    return whole | {k for k in literals if k.partition(".")[0] in known and k not in prefixes}


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_text_exists_in_every_language_with_the_same_places() -> None:
    for key, entry in catalogue().items():
        assert set(entry) == set(LANGUAGES), key
        assert all(text.strip() for text in entry.values()), key
        assert places(entry["en"]) == places(entry["zh"]), key


def test_every_key_used_by_the_page_is_in_the_catalogue() -> None:
    assert used_keys() - set(catalogue()) == set()


def test_no_text_is_left_over() -> None:
    rest = set(catalogue()) - used_keys()
    assert {key for key in rest if not key.startswith(OPEN_SETS)} == set()


@pytest.mark.parametrize(
    ("prefix", "values"),
    [
        ("alerts", AlertState),
        ("delivery", DeliveryState),
        ("event", EventKind),
        ("gap", GapReason),
        ("held", HoldReason),
        ("hooks.format", BodyFormat),
        ("notice", NoticeKind),
        ("priority", Priority),
        ("rules.action", RuleAction),
        ("rules.data", NoDataKind),
        ("session", SessionState),
        ("speaker", Speaker),
        ("telling", Telling),
        ("type", EventType),
        ("verdict", AlertVerdict),
    ],
)
def test_what_a_service_can_say_has_a_name(prefix: str, values: type[StrEnum]) -> None:
    names = {f"{prefix}.{value.replace('.', '_')}" for value in values}
    assert names - set(catalogue()) == set()


def test_the_emotions_are_named_as_the_model_names_them() -> None:
    for emotion in EMOTIONS:
        assert texts("zh")[f"emotion.{emotion}"] == CHINESE[emotion]
        assert texts("en")[f"emotion.{emotion}"] == emotion.value


@pytest.mark.parametrize(
    ("asked", "cookie", "accepted", "chosen"),
    [
        (None, None, None, "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, None, "de, en;q=0.5, zh;q=0.7", "zh"),
        (None, None, "zh;q=0, en;q=0.1", "en"),
        (None, None, "de-DE,fr", "en"),
        (None, None, ";;,,q=,zh;q=abc", "zh"),
        (None, "zh", "en", "zh"),
        ("en", "zh", "zh", "en"),
        ("zh-TW", None, None, "zh"),
        ("<script>", "zh", None, "zh"),
    ],
)
def test_the_address_is_asked_first_then_the_cookie_then_the_browser(
    asked: str | None, cookie: str | None, accepted: str | None, chosen: str
) -> None:
    assert choose_language(asked, cookie, accepted) == chosen
