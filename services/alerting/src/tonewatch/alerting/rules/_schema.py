"""The JSON Schema of rules.yaml, for editors: completion, and mistakes as one types."""

from typing import Any, Final

from tonewatch.alerting.rules._model import RulesFile

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def rules_schema() -> dict[str, Any]:
    """The schema. What several keys say together is checked when a file is read, not here."""
    return {
        "$schema": DIALECT,
        **RulesFile.model_json_schema(),
        "title": "Tonewatch alert rules",
    }
