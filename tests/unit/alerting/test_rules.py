"""What a rules file may say, and how its mistakes are told."""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from tonewatch.alerting.rules import (
    BUILT_IN_CHANNELS,
    ActiveTime,
    Channel,
    LoadedRules,
    Rule,
    RulesError,
    RulesFile,
    parse_matcher,
    parse_rules,
    rules_schema,
)
from tonewatch.shared.emotions import Emotion
from tonewatch.shared.messages import Priority, Speaker

CONFIG = Path(__file__).parents[3] / "deploy" / "config"
DOCS = Path(__file__).parents[3] / "docs"


def parse(text: str) -> LoadedRules:
    return parse_rules(text.encode(), "rules.yaml")


def problems(text: str) -> list[str]:
    with pytest.raises(RulesError) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


def test_the_two_example_rules_load_as_they_stand() -> None:
    fear, disappointed = parse_rules(
        (CONFIG / "rules.example.yaml").read_bytes(), "rules.example.yaml"
    ).rules
    assert (fear.name, fear.emotion, fear.threshold) == ("VIP客户恐惧告警", (Emotion.FEARFUL,), 0.6)
    assert fear.channels == (Channel.WEBHOOK, Channel.EMAIL)
    assert fear.priority is Priority.HIGH
    assert disappointed.combination is not None
    assert disappointed.combination.emotions == (Emotion.SAD, Emotion.NEUTRAL)
    assert (disappointed.combination.min_sum, disappointed.duration_sec) == (0.8, 1.0)
    assert disappointed.channels == (Channel.WEBHOOK,)


def test_the_default_rule_is_angry_above_three_quarters_for_two_seconds() -> None:
    packaged = (
        Path(__file__).parents[3] / "services/alerting/src/tonewatch/alerting/default_rules.yaml"
    )
    deployed = CONFIG / "rules.yaml"
    assert packaged.read_bytes() == deployed.read_bytes()
    (rule,) = parse_rules(deployed.read_bytes(), "rules.yaml").rules
    assert (rule.emotion, rule.threshold, rule.duration_sec) == ((Emotion.ANGRY,), 0.75, 2.0)
    assert (rule.priority, rule.channels) == (Priority.HIGH, (Channel.WEBHOOK,))


def test_every_key_is_understood() -> None:
    (rule,) = parse(
        "rules:\n"
        "  - {name: a, emotion: sad, threshold: 0, duration_sec: 2.5, speaker: agent,"
        " priority: low, channels: [email], message: 请关注, enabled: no}\n"
    ).rules
    assert (rule.speaker, rule.enabled, rule.message) == (Speaker.AGENT, False, "请关注")


def test_a_rule_is_shown_as_it_was_written() -> None:
    """GET /v1/rules gives what a file could hold again."""
    text = (DOCS / "rules.md").read_text()
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        rules = parse(block).rules
        shown = [rule.model_dump(mode="json", by_alias=True, exclude_none=True) for rule in rules]
        assert RulesFile.model_validate({"rules": shown}).rules == rules


def test_channels_of_the_settings_are_known_and_others_are_not() -> None:
    text = "rules: [{name: a, emotion: sad, threshold: 0.5, channels: [ops]}]"
    (rule,) = parse_rules(text.encode(), "r", (*BUILT_IN_CHANNELS, "ops")).rules
    assert rule.channels == ("ops",)
    (problem,) = problems(text.replace("ops", "webhooks"))
    assert '"webhooks" is no channel; did you mean "webhook"? (known: webhook, email)' in problem


@pytest.mark.parametrize(
    ("matcher", "labels", "passes"),
    [
        ("queue=vip", {"queue": "vip"}, True),
        ("queue=vip", {}, False),
        ("queue!=vip", {}, True),
        ('queue = "vip"', {"queue": "vip"}, True),
        ("queue=", {}, True),
        ("queue=~vip|gold", {"queue": "gold"}, True),
        ("queue=~vip", {"queue": "a vip"}, False),  # the whole value
        ("queue!~vip.*", {"queue": "vip2"}, False),
        ("queue=~客户.*", {"queue": "客户投诉"}, True),
    ],
)
def test_labels_match_as_prometheus_has_it(
    matcher: str, labels: dict[str, str], passes: bool
) -> None:
    assert parse_matcher(matcher).matches(labels) is passes


def test_a_regular_expression_cannot_explode() -> None:
    began = time.process_time()
    matcher = parse_matcher("queue=~(a+)+(a|aa)+(a*)*b")
    assert not matcher.matches({"queue": 256 * "a"})
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("moment", "active"),
    [
        ("2026-01-05T01:00:00+00:00", True),  # Monday 09:00 in Shanghai
        ("2026-01-05T00:59:00+00:00", False),
        ("2026-01-05T10:00:00+00:00", False),  # 18:00
        ("2026-01-04T03:00:00+00:00", False),  # Sunday
    ],
)
def test_hours_are_those_of_their_time_zone(moment: str, active: bool) -> None:
    hours = active_time('{weekdays: [mon, tue], from: 9:00, to: "18:00", timezone: Asia/Shanghai}')
    assert hours.contains(datetime.fromisoformat(moment)) is active


def test_a_night_shift_belongs_to_the_day_it_begins_on() -> None:
    hours = active_time('{weekdays: [fri], from: "22:00", to: "06:00", timezone: UTC}')
    friday = datetime(2026, 1, 9, 22, tzinfo=UTC)
    assert hours.contains(friday)
    assert hours.contains(friday + timedelta(hours=7.9))
    assert not hours.contains(friday + timedelta(hours=8))
    assert not hours.contains(friday - timedelta(days=1))


def active_time(text: str) -> ActiveTime:
    (rule,) = parse(
        f"rules: [{{name: a, emotion: sad, threshold: 0.5, active_time: {text}}}]"
    ).rules
    assert rule.active_time is not None
    return rule.active_time


CONTRADICTIONS = {
    "threshold: 0.5, resolve: {level: 0.6}": "resolve.level: is above threshold (0.5)",
    "threshold: 0.5, share: {at_least_sec: 9, of_last_sec: 5}": "share.at_least_sec: is more than",
    "threshold: 0.5, share: {at_least_sec: 2, of_last_sec: 5}, duration_sec: 2": "duration_sec: do",
    "threshold: 0.5, share: {at_least_sec: 2, of_last_sec: 5}, resolve: {level: 0.2}": (
        "resolve.level: does not go with `share`"
    ),
    "threshold: 0.5, granularity: utterance, gap_tolerance_sec: 1": "gap_tolerance_sec: does not",
    "threshold: 0.5, granularity: utterance, share: {at_least_sec: 1, of_last_sec: 5}": (
        "share: does not go with `granularity: utterance`"
    ),
    "threshold: 0.5, cooldown_sec: 60, repeat_interval_sec: 30": "repeat_interval_sec: is shorter",
    "threshold: 0.5, expires_after_sec: 60, escalate: [{after_sec: 60, channels: [email]}]": (
        "expires_after_sec: is not longer than the last escalation"
    ),
    "threshold: 0.5, escalate: [{after_sec: 9, channels: [email]}, {after_sec: 5, channels: "
    "[email]}]": "escalate: the steps' `after_sec` must rise",
    "threshold: 0.5, escalate: [{after_sec: 9, channels: [emial]}]": (
        'escalate[0].channels[0]: "emial" is no channel; did you mean "email"?'
    ),
    "threshold: 0.5, message: '{treshold}'": "has an unknown field {treshold}; did you mean {thr",
    "threshold: 0.5, message: '{value'": "has a single {",
    "threshold: 0.5, message: '{value.__class__}'": "has an unknown field",
    "threshold: 0.5, message: '{label.}'": "has an unknown field",
    "threshold: 0.5, message: {zh: 好}": "message.en: is missing",
    "threshold: 0.5, match: ['a=~(']": "match[0]: has a regular expression that is not accepted",
    r"threshold: 0.5, match: ['a=~(x)\1']": "match[0]: has a regular expression that is not acc",
    "threshold: 0.5, match: [vip]": "match[0]: is no matcher: write label=value",
    "threshold: 0.5, active_time: {from: 9, to: '18:00', timezone: UTC}": "active_time.from: is no",
    "threshold: 0.5, active_time: {from: '9:00', to: '18:00', timezone: Asia/Shangai}": (
        'active_time.timezone: is no IANA time zone; did you mean "Asia/Shanghai"?'
    ),
    "threshold: 0.5, active_time: {from: '9:00', to: '9:00', timezone: UTC}": "active_time.to: is",
}


@pytest.mark.parametrize(("keys", "expected"), CONTRADICTIONS.items())
def test_keys_that_contradict_each_other_are_refused(keys: str, expected: str) -> None:
    shown = problems(f"rules:\n- {{name: a, emotion: sad, {keys}}}\n")
    assert expected in shown[0]
    assert shown[0].startswith("rules.yaml:2:")


BAD_CONDITIONS = {
    "combination: {emotions: [sad], min_sum: 1.1}": "min_sum: can never hold",
    "combination: {emotions: [sad], min_sum: 0.5, weights: {angry: 2}}": "weights.angry: is not am",
    "combination: {emotions: [sad], min_sum: 0.5, weights: {angri: 2}}": 'did you mean "angry"?',
    "sequence: {stages: [{emotion: sad, threshold: 0.5}, {emotion: angry, threshold: 0.5, "
    "duration_sec: 3}], within_sec: 2}": "sequence.within_sec: is too short: the stages after the",
    "sequence: {stages: [{emotion: sad, threshold: 0.5}, {emotion: angry, threshold: 0.5}], "
    "within_sec: 9}, resolve: {level: 0.7}": "resolve.level: is above the last stage's threshold",
    "sequence: {stages: [{emotion: sad, threshold: 0.5}, {emotion: angry, threshold: 0.5}], "
    "within_sec: 9}, duration_sec: 2": "duration_sec: does not go with `sequence`",
    "change: {emotion: sad, rise: 0.3}, resolve: {level: 0.4}": "resolve.level: is above rise",
    "change: {emotion: sad, rise: 0.3}, threshold: 0.4": "threshold: does not go with `change`",
    "no_data: {kind: silense, longer_than_sec: 3}": 'did you mean "silence"?',
    "no_data: {kind: stream_down, longer_than_sec: 3}, speaker: agent": "speaker: does not go",
    "no_data: {kind: stream_down, longer_than_sec: 3}, resolve: {after_sec: 3}": "resolve: does",
    "no_data: {kind: stream_down, longer_than_sec: 1000}": "longer_than_sec: is too long",
    "no_data: {kind: inference_lag, longer_than_sec: 3}, match: [a=b]": "match: does not go",
}


@pytest.mark.parametrize(("condition", "expected"), BAD_CONDITIONS.items())
def test_conditions_that_make_no_sense_are_refused(condition: str, expected: str) -> None:
    (shown,) = problems(f"rules:\n- {{name: a, {condition}}}\n")
    assert expected in shown


def test_the_schema_accepts_what_the_pages_show_and_names_every_key() -> None:
    schema = rules_schema()
    check = jsonschema_rs.validator_for(schema)
    for block in re.findall(r"```yaml\n(.*?)```", (DOCS / "rules.md").read_text(), re.DOTALL):
        check.validate(yaml.safe_load(block))
    assert not check.is_valid({"rules": [{"name": "a", "emotion": "angri", "threshold": 0.5}]})
    assert set(schema["$defs"]["Rule"]["properties"]) == set(Rule.model_fields)


SAD = "{name: a, emotion: sad, threshold: 0.5}"
MISTAKES = {
    "misspelt emotion": (
        "rules:\n- name: a\n  emotion: fearfull\n  threshold: 0.5\n",
        ['rules.yaml:3:3: rules[0].emotion: "fearfull" is not known', 'did you mean "fearful"?'],
    ),
    "chinese emotion": (
        "rules:\n- name: a\n  emotion: 生气\n  threshold: 0.5\n",
        ["rules.yaml:3:3: rules[0].emotion", 'did you mean "angry"?'],
    ),
    "misspelt key": (
        "rules:\n- name: a\n  emotion: sad\n  treshold: 0.5\n",
        ["rules.yaml:4:3: rules[0].treshold: is no known key", 'did you mean "threshold"?'],
    ),
    "misspelt key of a combination": (
        "rules:\n- name: a\n  combination: {emotions: [sad], min_sums: 0.5}\n",
        ["rules.yaml:3:34: rules[0].combination.min_sums: is no", 'did you mean "min_sum"?'],
    ),
    "misspelt channel": (
        "rules:\n- name: a\n  emotion: sad\n  threshold: 0.5\n  channels:\n  - webhok\n",
        ["rules.yaml:6:5: rules[0].channels[0]:", 'did you mean "webhook"?'],
    ),
    "unknown root key": ("rule: []\n", ['rules.yaml:1:1: rule: is no known key; did you mean "ru']),
    "number as text": (
        "rules:\n- name: a\n  emotion: sad\n  threshold: '0.5'\n",
        ["rules.yaml:4:3: rules[0].threshold: input should be a valid number"],
    ),
    "threshold out of range": (
        "rules:\n- name: a\n  emotion: sad\n  threshold: 75\n",
        ['rules.yaml:4:3: rules[0].threshold: input should be less than 1, not "75"'],
    ),
    "not a number": (
        "rules:\n- name: a\n  emotion: sad\n  threshold: .nan\n",
        ["rules.yaml:4:3: rules[0].threshold: input should be a finite number"],
    ),
    "no threshold": (
        "rules:\n- name: a\n  emotion: sad\n",
        ["rules.yaml:2:3: rules[0].threshold: a rule with `emotion` needs a `threshold`"],
    ),
    "two conditions": (
        f"rules:\n- {SAD[:-1]}, combination: {{emotions: [sad], min_sum: 0.5}}}}\n",
        ["rules.yaml:2:43: rules[0].combination: a rule has one condition: `emotion`, `comb"],
    ),
    "no condition": (
        "rules:\n- name: a\n",
        ["rules.yaml:2:3: rules[0].emotion: a rule has one condition"],
    ),
    "no name": (
        "rules:\n- emotion: sad\n  threshold: 0.5\n",
        ["rules.yaml:2:3: rules[0].name: is missing"],
    ),
    "name used twice": (
        f"rules:\n- {SAD}\n- {SAD}\n",
        ['rules.yaml:3:4: rules[1].name: "a" is already the name of the rule on line 2'],
    ),
    "key twice": (
        "rules:\n- name: a\n  emotion: sad\n  threshold: 0.5\n  emotion: happy\n",
        ["rules.yaml:5:3: rules[0].emotion: this key stands here twice"],
    ),
    "emotion twice": (
        "rules:\n- name: a\n  combination: {emotions: [sad, sad], min_sum: 0.5}\n",
        ["rules.yaml:3:17: rules[0].combination.emotions: each may be named once"],
    ),
    "no yaml": ("rules:\n- name: [\n", ["rules.yaml:3:1: this is not valid YAML"]),
    "empty": ("", ["rules.yaml:1:1: rules: the file holds no list `rules:`"]),
    "python object": (
        "rules: !!python/object/apply:os.system [date]\n",
        ["rules.yaml:1:8: the tag tag:yaml.org,2002:python/object/apply:os.system is not accep"],
    ),
    "python object in a value": (
        "rules:\n- name: !!python/name:os.system ''\n",
        ["rules.yaml:2:9: this is not valid YAML: could not determine a constructor"],
    ),
    "a rule that is a word": (
        "rules: [angry]\n",
        ['rules.yaml:1:9: rules[0]: is a mapping of keys and values, not "angry"'],
    ),
    "alias": (
        "a: &a [x]\nb: *a\n",
        ["rules.yaml:1:4: anchors and aliases (& and *) are not accepted here"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_line_column_and_field(text: str, expected: list[str]) -> None:
    shown = "\n".join(problems(text))
    for part in expected:
        assert part in shown


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    shown = problems(
        "rules:\n"
        "- {name: a, emotion: sadd, threshold: 2}\n"
        "- {name: a, emotion: happy, threshold: 0.5, speaker: client}\n"
        "- {emotion: happy}\n"
    )
    assert [line.split(":")[1] for line in shown] == ["2", "2", "3", "3", "4"]


def test_a_yaml_bomb_is_refused_before_it_grows() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60)
    )
    assert "anchors and aliases" in problems(bomb)[0]
    assert "levels" in problems("rules: " + "[" * 50_000)[0]


def test_files_without_end_are_refused() -> None:
    assert "larger than 256 KiB" in problems("#" * (256 * 1024 + 1))[0]
    many = "rules:\n" + "".join(
        f"- {{name: r{n}, emotion: sad, threshold: 0.5}}\n" for n in range(1001)
    )
    assert "at most 1000 items" in problems(many)[0]


def test_text_that_is_not_utf8_is_told_with_its_line() -> None:
    with pytest.raises(RulesError, match=r"rules.yaml:2:1: is not UTF-8 text"):
        parse_rules(b"rules:\n- name: \xff\n", "rules.yaml")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    from tonewatch.alerting.rules import load_rules

    with pytest.raises(RulesError, match=r"absent.yaml:1:1: cannot be read: No such file"):
        load_rules(tmp_path / "absent.yaml")
