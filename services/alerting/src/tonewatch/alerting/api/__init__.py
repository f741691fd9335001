"""The HTTP API: alerts, silences, rules, webhooks, channels, deliveries."""

from tonewatch.alerting.api._alerts import alerts_router
from tonewatch.alerting.api._channels import channels_router
from tonewatch.alerting.api._deliveries import deliveries_router
from tonewatch.alerting.api._rules import rules_router
from tonewatch.alerting.api._silences import silences_router
from tonewatch.alerting.api._webhooks import webhooks_router

__all__ = [
    "alerts_router",
    "channels_router",
    "deliveries_router",
    "rules_router",
    "silences_router",
    "webhooks_router",
]
