"""How often each rule was right, by what people said of its alerts."""

from typing import Any

from sqlalchemy import func, select

from tonewatch.alerting.notices.model import AlertVerdict
from tonewatch.alerting.notices.tables import AlertRow
from tonewatch.shared.database import Database


async def precision_by_rule(database: Database, since_ms: int) -> list[dict[str, Any]]:
    """Each rule that has fired since then: counts by verdict, and right / (right + false alarm).

    The figure is None as long as nobody has judged; alerts that need coaching are neither right nor
    false: the rule found something else than it looked for.
    """
    query = (
        select(AlertRow.rule, AlertRow.verdict, func.count())
        .where(AlertRow.fired_ms >= since_ms, AlertRow.firing_seen)
        .group_by(AlertRow.rule, AlertRow.verdict)
        .order_by(AlertRow.rule)
    )
    counts: dict[str, dict[str | None, int]] = {}
    async with database.reading() as session:
        for rule, verdict, count in await session.execute(query):
            counts.setdefault(rule, {})[verdict] = count
    return [_shown(rule, found) for rule, found in counts.items()]


def _shown(rule: str, found: dict[str | None, int]) -> dict[str, Any]:
    right = found.get(AlertVerdict.RIGHT, 0)
    false = found.get(AlertVerdict.FALSE_ALARM, 0)
    judged = right + false
    return {
        "rule": rule,
        "alerts": sum(found.values()),
        "right": right,
        "false_alarm": false,
        "needs_coaching": found.get(AlertVerdict.NEEDS_COACHING, 0),
        "unjudged": found.get(None, 0),
        "precision": None if judged == 0 else round(right / judged, 4),
    }
