"""The sentence of an alert: the rule's own, or one that says what was measured."""

from datetime import datetime, timedelta
from typing import Final

from tonewatch.alerting.engine._call import Call
from tonewatch.alerting.engine._rules import CompiledRule, Kind
from tonewatch.alerting.engine._state import Run, moment_of
from tonewatch.alerting.rules import BothLanguages, fill
from tonewatch.shared.clock import iso_utc
from tonewatch.shared.emotions import CHINESE
from tonewatch.shared.messages import Speaker, Track

MAX_LENGTH: Final = 2048
_CJK: Final = "\u2e80"
_SPEAKERS: Final = {Speaker.CUSTOMER: "客户", Speaker.AGENT: "坐席", Speaker.MIXED: "混合声道"}
_ABSENT: Final = {
    Kind.STREAM_DOWN: "the stream of {source} is down",
    Kind.INFERENCE_LAG: "audio waits to be scored",
}
_PRIORITIES: Final = {"low": "低", "medium": "中", "high": "高", "critical": "紧急"}


def sentence(rule: CompiledRule, track: Track, run: Run, call: Call) -> str:
    """What the alert says to a person, at most as long as an alert can carry."""
    if rule.message is None:
        return f"{rule.name}: {_measured(rule, run)}"[:MAX_LENGTH]
    values = {
        **_of_call(call),
        "session_id": track.session_id,
        "value": f"{run.value:.2f}",
        "seconds": f"{run.held_ms / 1000:g}",
        "started_at": iso_utc(moment_of(run.started_at)),
    }
    return _filled(rule, track.speaker, values)


def absence_sentence(
    rule: CompiledRule, session_id: str, call: Call, since: datetime, seconds: float
) -> str:
    """The same for what is no matter of audio: a stream that is down, scores that do not come."""
    if rule.message is None:
        what = _ABSENT[rule.kind].format(source=call.source_id)
        return f"{rule.name}: {what} for more than {rule.needed_seconds:g} s"[:MAX_LENGTH]
    values = {
        **_of_call(call),
        "session_id": session_id,
        "value": f"{seconds:g}",
        "seconds": f"{seconds:g}",
        "started_at": iso_utc(since),
    }
    return _filled(rule, Speaker.MIXED, values)


def _of_call(call: Call) -> dict[str, str]:
    labels = {f"label.{name}": value for name, value in call.labels.items()}
    return {"source_id": call.source_id, **labels}


def _filled(rule: CompiledRule, speaker: Speaker, values: dict[str, str]) -> str:
    message = rule.message
    if isinstance(message, BothLanguages):
        texts = [(message.zh, True), (message.en, False)]
    else:
        text = message or ""
        texts = [(text, any(letter >= _CJK for letter in text))]
    filled = [
        fill(text, values | _names(rule, speaker, in_chinese=in_chinese))
        for text, in_chinese in texts
    ]
    return " / ".join(filled)[:MAX_LENGTH]


def _names(rule: CompiledRule, speaker: Speaker, *, in_chinese: bool) -> dict[str, str]:
    emotions = [CHINESE[emotion] if in_chinese else emotion.value for emotion in rule.emotions]
    return {
        "rule": rule.name,
        "threshold": f"{rule.threshold:g}",
        "priority": _PRIORITIES[rule.priority] if in_chinese else rule.priority.value,
        "speaker": _SPEAKERS[speaker] if in_chinese else speaker.value,
        "emotion": ("、" if in_chinese else ", ").join(emotions),
    }


def _measured(rule: CompiledRule, run: Run) -> str:
    seconds = f"{run.held_ms / 1000:g} s"
    if rule.kind is Kind.SILENCE:
        return f"silent for {seconds}"
    names = [emotion.value for emotion in rule.emotions]
    if rule.kind is Kind.SEQUENCE:
        stages = ["|".join(each.emotions) for each in rule.comparisons]
        lasting = timedelta(milliseconds=rule.within_ms).total_seconds()
        return f"{' → '.join(stages)} within {lasting:g} s"
    sign = "≥" if rule.inclusive else ">"
    condition = f"{(' + ' if rule.is_sum else '|').join(names)} {run.value:.2f} {sign} "
    if rule.baseline_ms:
        return f"{condition}{rule.threshold:g} above the speaker's own mean ({seconds})"
    if rule.kind is Kind.SHARE:
        return f"{condition}{rule.threshold:g} ({seconds} of {rule.window_seconds} s)"
    return f"{condition}{rule.threshold:g} ({seconds})"
