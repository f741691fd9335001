"""The HTTP API: rules, webhooks, deliveries."""

from tonewatch.alerting.api._deliveries import deliveries_router
from tonewatch.alerting.api._rules import rules_router
from tonewatch.alerting.api._webhooks import webhooks_router

__all__ = ["deliveries_router", "rules_router", "webhooks_router"]
