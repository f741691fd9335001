"""The HTTP API: alerts, silences, rules, webhooks, channels, deliveries."""

from tonewatch.alerting.api._alerts import alerts_router
from tonewatch.alerting.api._channels import channels_router
from tonewatch.alerting.api._deliveries import deliveries_router
from tonewatch.alerting.api._history import history_router
from tonewatch.alerting.api._rule_edits import rule_edits_router
from tonewatch.alerting.api._rule_errors import render_rule_errors
from tonewatch.alerting.api._rule_tests import rule_tests_router
from tonewatch.alerting.api._rule_versions import rule_versions_router
from tonewatch.alerting.api._rules import rules_router
from tonewatch.alerting.api._silences import silences_router
from tonewatch.alerting.api._webhooks import webhooks_router

__all__ = [
    "alerts_router",
    "channels_router",
    "deliveries_router",
    "history_router",
    "render_rule_errors",
    "rule_edits_router",
    "rule_tests_router",
    "rule_versions_router",
    "rules_router",
    "silences_router",
    "webhooks_router",
]
