"""The rules: what rules.yaml may say, and how it is read, checked and kept up to date."""

from tonewatch.alerting.rules._book import RuleBook
from tonewatch.alerting.rules._load import LoadedRules, Problem, RulesError, load_rules, parse_rules
from tonewatch.alerting.rules._model import Channel, Combination, Rule, RulesFile

__all__ = [
    "Channel",
    "Combination",
    "LoadedRules",
    "Problem",
    "Rule",
    "RuleBook",
    "RulesError",
    "RulesFile",
    "load_rules",
    "parse_rules",
]
