"""The rules: what rules.yaml may say, and how it is read, checked and kept up to date."""

from tonewatch.alerting.rules._book import AddedRule, RuleBook
from tonewatch.alerting.rules._checking import Checked, check_text
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
    MAX_BYTES,
    LoadedRules,
    load_rules,
    parse_rule,
    parse_rules,
    read_yaml,
)
from tonewatch.alerting.rules._matchers import Matcher, all_match, parse_matcher
from tonewatch.alerting.rules._messages import BothLanguages, fill
from tonewatch.alerting.rules._model import Channel, EscalationStep, Rule, RulesFile, shown_rule
from tonewatch.alerting.rules._problems import Problem, RulesError
from tonewatch.alerting.rules._schema import rules_schema
from tonewatch.alerting.rules._times import ActiveTime

__all__ = [
    "BUILT_IN_CHANNELS",
    "MAX_BYTES",
    "ActiveTime",
    "AddedRule",
    "BothLanguages",
    "Change",
    "Channel",
    "Checked",
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
    "check_text",
    "fill",
    "load_rules",
    "parse_matcher",
    "parse_rule",
    "parse_rules",
    "read_yaml",
    "rules_schema",
    "shown_rule",
]
