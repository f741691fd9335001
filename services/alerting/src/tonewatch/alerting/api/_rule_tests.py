"""/v1/rules/{name}/test: whether those whom a rule would tell can be told."""

from typing import Any

from fastapi import APIRouter

from tonewatch.alerting.delivery.stage import DeliveryStage
from tonewatch.alerting.rules import RuleBook
from tonewatch.shared.errors import NotFoundError


def rule_tests_router(book: RuleBook, delivery: DeliveryStage) -> APIRouter:
    """The route of test messages."""
    router = APIRouter(prefix="/v1/rules", tags=["rules"])

    @router.post("/{name}/test")
    async def test_rule(name: str) -> dict[str, Any]:
        """Send a test now, once, to all whom the rule's alerts go to; says how each went."""
        rule = next((each for each in book.loaded.rules if each.name == name), None)
        if rule is None:
            raise NotFoundError(f'there is no rule "{name}" that can be used')
        items = await delivery.test_rule(rule.name, rule.priority, rule.channels)
        return {"rule": name, "channels": list(rule.channels), "items": items}

    return router
