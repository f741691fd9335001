"""Rules that are added and changed through the API: kept version by version in the database.

Beside them stand the rules of the file, which only the file can change. Every change counts up one
revision number; replicas look at it every second and read what has changed.
"""

from tonewatch.alerting.rules.stored._editor import RuleEditor
from tonewatch.alerting.rules.stored._errors import BlindChangeError, RuleChangedError
from tonewatch.alerting.rules.stored._model import ANY, Edit, RuleAction, Seen, StoredRule
from tonewatch.alerting.rules.stored._store import RuleStore

__all__ = [
    "ANY",
    "BlindChangeError",
    "Edit",
    "RuleAction",
    "RuleChangedError",
    "RuleEditor",
    "RuleStore",
    "Seen",
    "StoredRule",
]
