"""What a rules file may say, and how its mistakes are told."""

from pathlib import Path

import pytest

from tonewatch.alerting.rules import Channel, LoadedRules, RulesError, parse_rules
from tonewatch.shared.emotions import Emotion
from tonewatch.shared.messages import Priority, Speaker

CONFIG = Path(__file__).parents[3] / "deploy" / "config"


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
    assert (fear.name, fear.emotion, fear.threshold) == ("VIP客户恐惧告警", Emotion.FEARFUL, 0.6)
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
    assert (rule.emotion, rule.threshold, rule.duration_sec) == (Emotion.ANGRY, 0.75, 2.0)
    assert (rule.priority, rule.channels) == (Priority.HIGH, (Channel.WEBHOOK,))


def test_every_key_is_understood() -> None:
    (rule,) = parse(
        "rules:\n"
        "  - {name: a, emotion: sad, threshold: 0, duration_sec: 2.5, speaker: agent,"
        " priority: low, channels: [email], message: 请关注, enabled: no}\n"
    ).rules
    assert (rule.speaker, rule.enabled, rule.message) == (Speaker.AGENT, False, "请关注")


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
        ["rules.yaml:2:13: rules[0].emotion: a rule has either `emotion` or `combination`"],
    ),
    "no condition": (
        "rules:\n- name: a\n",
        ["rules.yaml:2:3: rules[0].emotion: a rule has either"],
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
