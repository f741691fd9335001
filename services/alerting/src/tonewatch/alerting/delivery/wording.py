"""Messages for people: what happened, in Chinese, English or both, as plain lines.

Plain text on purpose: labels and messages come from outside, and markup in them could mention a
whole group or hide a link.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tonewatch.alerting.delivery.channels.options import Language
from tonewatch.alerting.delivery.payload import EventType, cut
from tonewatch.alerting.delivery.tables import DeliveryRow


class _Term(NamedTuple):
    zh: str
    en: str

    def said(self, language: Language) -> str:
        return {"zh": self.zh, "en": self.en, "both": f"{self.zh} / {self.en}"}[language]


_HEADLINES: Final = {
    EventType.ALERT_FIRING: _Term("告警触发", "Alert firing"),
    EventType.ALERT_RESOLVED: _Term("告警恢复", "Alert resolved"),
    EventType.ALERT_ESCALATED: _Term("告警升级", "Alert escalated"),
    EventType.STREAM_DOWN: _Term("音频流中断", "Stream down"),
    EventType.STREAM_UP: _Term("音频流恢复", "Stream up"),
    EventType.REVIEW_REQUESTED: _Term("请求质检", "Review requested"),
    EventType.RECEIVER_DISABLED: _Term("接收端已停用", "Receiver disabled"),
    EventType.TEST: _Term("测试消息", "Test message"),
}
_PRIORITIES: Final = {
    "critical": _Term("紧急", "critical"),
    "high": _Term("高", "high"),
    "medium": _Term("中", "medium"),
    "low": _Term("低", "low"),
}
_SPEAKERS: Final = {
    "customer": _Term("客户", "customer"),
    "agent": _Term("坐席", "agent"),
    "mixed": _Term("混合声道", "mixed"),
}
_FIELDS: Final = {
    "rule": _Term("规则", "rule"),
    "priority": _Term("优先级", "priority"),
    "message": _Term("说明", "message"),
    "value": _Term("峰值", "peak value"),
    "threshold": _Term("阈值", "threshold"),
    "started_at": _Term("开始", "began"),
    "at": _Term("时间", "at"),
    "speaker": _Term("说话方", "speaker"),
    "session_id": _Term("会话", "session"),
    "source_id": _Term("音频源", "source"),
    "labels": _Term("标签", "labels"),
    "alert_id": _Term("告警编号", "alert id"),
    "held_back": _Term("另有被限流的告警", "held back by a cap"),
    "others": _Term("同组告警", "in the same group"),
    "name": _Term("名称", "name"),
}
_MORE: Final = _Term("还有 {count} 条", "and {count} more")
_DIGEST: Final = _Term("{count} 条消息合并", "{count} messages in one")
_RANK: Final = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person reads: a headline, and named lines."""

    headline: str
    rows: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """All of it as plain lines."""
        lines = [f"{name}: {value}" if name else value for name, value in self.rows]
        return "\n".join([self.headline, *lines])


def notice_of(deliveries: Sequence[DeliveryRow], language: Language, lines: int = 50) -> Notice:
    """What to say of deliveries: one in full; several counted, and listed up to `lines`."""
    if len(deliveries) == 1:
        return _single(json.loads(deliveries[0].payload), language)
    ordered = sorted(deliveries, key=lambda row: (_rank(row.priority), row.id))
    rows = [("", f"- {_brief(row, language)}") for row in ordered[:lines]]
    if len(ordered) > lines:
        rows.append(("", _MORE.said(language).format(count=len(ordered) - lines)))
    headline = f"[Tonewatch] {_DIGEST.said(language).format(count=len(ordered))}"
    return Notice(headline, tuple(rows))


def fitting(deliveries: Sequence[DeliveryRow], language: Language, most_bytes: int) -> str:
    """The text of deliveries in at most so many bytes of UTF-8; fewer are listed where needed."""
    lines = len(deliveries)
    text = notice_of(deliveries, language, lines).text
    while len(text.encode()) > most_bytes and lines > 1:
        lines = lines * 3 // 4
        text = notice_of(deliveries, language, lines).text
    encoded = text.encode()
    if len(encoded) <= most_bytes:
        return text
    return encoded[: most_bytes - 3].decode(errors="ignore") + "…"


def _rank(priority: str) -> int:
    return _RANK.index(priority) if priority in _RANK else len(_RANK)


def _headline(event_type: str) -> _Term:
    try:
        return _HEADLINES[EventType(event_type)]
    except ValueError:
        return _Term(event_type, event_type)


def _brief(row: DeliveryRow, language: Language) -> str:
    data = json.loads(row.payload)["data"]
    parts = [_headline(row.event_type).said(language)]
    if row.priority in _PRIORITIES:
        parts.append(_PRIORITIES[row.priority].said(language))
    parts += [part for part in (row.rule, data.get("message", ""), row.session_id) if part]
    return cut(" · ".join(parts), 160)


def _single(event: dict[str, Any], language: Language) -> Notice:
    data = event["data"]
    subject = data.get("rule") or data.get("name") or ""
    said = _headline(event["type"]).said(language)
    rows = [
        (_FIELDS[name].said(language), shown)
        for name in _FIELDS
        if name in data and (shown := _shown(name, data, language))
    ]
    return Notice(f"[Tonewatch] {said}: {subject}", tuple(rows))


def _shown(name: str, data: dict[str, Any], language: Language) -> str:
    value = data[name]
    words = {"priority": _PRIORITIES, "speaker": _SPEAKERS}.get(name, {})
    if isinstance(value, str) and value in words:
        return words[value].said(language)
    render = _RENDERINGS.get(name, str)
    return render(value)


_RENDERINGS: Final[dict[str, Callable[[Any], str]]] = {
    "value": "{:.3f}".format,
    "threshold": "{:g}".format,
    "labels": lambda labels: ", ".join(f"{name}={text}" for name, text in labels.items()),
    "held_back": lambda count: str(count) if count else "",
    "others": lambda others: "; ".join(f"{it['rule']} ({it['session_id']})" for it in others),
}
