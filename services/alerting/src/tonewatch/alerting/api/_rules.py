"""/v1/rules: what is in force, why the newest file is not, and what a draft would be worth."""

from typing import Any, Final

from fastapi import APIRouter, Request

from tonewatch.alerting.api._shown_rules import shown_item, shown_problem
from tonewatch.alerting.rules import RuleBook, check_text, rules_schema, shown_rule
from tonewatch.alerting.rules.stored import RuleEditor
from tonewatch.shared.clock import iso_utc
from tonewatch.shared.errors import TooLargeError

MAX_DRAFT_BYTES: Final = 256 * 1024

DRAFT: Final = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {}} for kind in ("application/yaml", "application/json")},
    }
}


def rules_router(book: RuleBook, editor: RuleEditor) -> APIRouter:
    """The routes of all rules together."""
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
        await editor.refresh()
        return _shown(book)

    @router.post("/validate", openapi_extra=DRAFT)
    async def validate_rules(request: Request) -> dict[str, Any]:
        """Look at a rules file or at one rule, YAML or JSON; nothing is changed."""
        checked = check_text(await _body(request), book.channels)
        taken = {each.name for each in book.added}
        names = {rule.name for rule in checked.rules}
        return {
            "valid": not checked.problems,
            "rules": [shown_rule(rule) for rule in checked.rules],
            "problems": [shown_problem(each) for each in checked.problems],
            "names_of_the_file": sorted(names & book.file_rules.lines.keys()),
            "names_of_the_api": sorted(names & taken),
        }

    return router


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_DRAFT_BYTES:
            raise TooLargeError(f"rules are at most {MAX_DRAFT_BYTES // 1024} KiB")
    return bytes(body)


def _shown(book: RuleBook) -> dict[str, Any]:
    error, loaded = book.last_error, book.loaded
    return {
        "file": loaded.file,
        "hash": loaded.digest,
        "loaded_at": iso_utc(book.loaded_at),
        "rules": [shown_rule(rule) for rule in loaded.rules],
        "items": [
            *(shown_item(book, rule.name) for rule in book.file_rules.rules),
            *(shown_item(book, each.name, added=each) for each in book.added),
        ],
        "warnings": book.warnings(),
        "last_error": None if error is None else error.message,
        "problems": [] if error is None else [shown_problem(item) for item in error.problems],
    }
