"""The rules: what rules.yaml may say, and how it is read, checked and kept up to date."""

from tonewatch.alerting.rules._book import RuleBook
from tonewatch.alerting.rules._conditions import (
    Change,
    Combination,
    NoData,
    NoDataKind,
    Resolve,
    Sequence,
    Share,
    Stage,
)
from tonewatch.alerting.rules._load import (
    BUILT_IN_CHANNELS,
    LoadedRules,
    load_rules,
    parse_rules,
)
from tonewatch.alerting.rules._matchers import Matcher, all_match, parse_matcher
from tonewatch.alerting.rules._messages import BothLanguages, fill
from tonewatch.alerting.rules._model import Channel, EscalationStep, Rule, RulesFile
from tonewatch.alerting.rules._problems import Problem, RulesError
from tonewatch.alerting.rules._schema import rules_schema
from tonewatch.alerting.rules._times import ActiveTime

__all__ = [
    "BUILT_IN_CHANNELS",
    "ActiveTime",
    "BothLanguages",
    "Change",
    "Channel",
    "Combination",
    "EscalationStep",
    "LoadedRules",
    "Matcher",
    "NoData",
    "NoDataKind",
    "Problem",
    "Resolve",
    "Rule",
    "RuleBook",
    "RulesError",
    "RulesFile",
    "Sequence",
    "Share",
    "Stage",
    "all_match",
    "fill",
    "load_rules",
    "parse_matcher",
    "parse_rules",
    "rules_schema",
]
