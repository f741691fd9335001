"""/v1/rules: what is in force, and why the newest file is not."""

from typing import Any

from fastapi import APIRouter

from tonewatch.alerting.rules import RuleBook, rules_schema
from tonewatch.shared.clock import iso_utc


def rules_router(book: RuleBook) -> APIRouter:
    """The routes of the rules."""
    router = APIRouter(prefix="/v1/rules", tags=["rules"])

    @router.get("")
    async def show_rules() -> dict[str, Any]:
        """The rules in force, and what was wrong with the file that was refused last."""
        return _shown(book)

    @router.get("/schema")
    async def show_schema() -> dict[str, Any]:
        """The JSON Schema of rules.yaml, for editors."""
        return rules_schema()

    @router.post("/reload")
    async def reload_rules() -> dict[str, Any]:
        """Read the file now; 422 names every mistake, and the rules before stay in force."""
        await book.reload()
        return _shown(book)

    return router


def _shown(book: RuleBook) -> dict[str, Any]:
    error, loaded = book.last_error, book.loaded
    return {
        "file": loaded.file,
        "hash": loaded.digest,
        "loaded_at": iso_utc(book.loaded_at),
        "rules": [
            rule.model_dump(mode="json", exclude_none=True, by_alias=True) for rule in loaded.rules
        ],
        "warnings": book.warnings(),
        "last_error": None if error is None else error.message,
        "problems": [] if error is None else [_problem(item) for item in error.problems],
    }


def _problem(problem: Any) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("line", "column", "field", "message")}
