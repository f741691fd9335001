"""/v1/rules/{name}: rules that are added and changed through the API."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tonewatch.alerting.api._shown_rules import shown_item, shown_version
from tonewatch.alerting.notices.silences import Person
from tonewatch.alerting.rules import RuleBook
from tonewatch.alerting.rules.stored import ANY, Edit, RuleEditor, Seen, StoredRule
from tonewatch.shared.acting import DOER, named
from tonewatch.shared.errors import InvalidInputError, NotFoundError

Comment = Annotated[str, Field(max_length=2000)]
IfMatch = Annotated[
    str | None, Header(description='ETag of the version that was looked at, such as "3"; or *')
]
By = Annotated[Person | None, Query(description="Who does it; who has signed in if left out")]


class RuleAct(BaseModel):
    """Something a person does."""

    model_config = ConfigDict(extra="forbid")

    by: Person = DOER
    comment: Comment = ""


class RuleChange(RuleAct):
    """A rule as it is to be, with the keys of a rules file."""

    rule: dict[str, Any]


def rule_edits_router(book: RuleBook, editor: RuleEditor) -> APIRouter:
    """The routes of one rule."""
    router = APIRouter(prefix="/v1/rules", tags=["rules"])

    @router.post("", status_code=201, response_model=None)
    async def add_rule(change: RuleChange) -> Response:
        """Add a rule; 409 if there is one of this name."""
        return shown_edit(await editor.add(change.rule, edit_of(change)), 201)

    @router.get("/{name}")
    async def show_rule(name: str, response: Response) -> dict[str, Any]:
        """One rule; the ETag of one that can be changed here is its version."""
        added = next((each for each in book.added if each.name == name), None)
        if name in book.file_rules.lines:
            added = None  # hidden by the file's
        elif added is None:
            raise NotFoundError(f'there is no rule "{name}"')
        else:
            response.headers["etag"] = f'"{added.version}"'
        return shown_item(book, name, added=added)

    @router.put("/{name}", response_model=None)
    async def put_rule(name: str, change: RuleChange, if_match: IfMatch = None) -> Response:
        """Replace a rule (If-Match says which version was looked at), or add it."""
        return shown_edit(await editor.put(name, change.rule, edit_of(change, if_match)))

    @router.delete("/{name}", status_code=204)
    async def delete_rule(
        name: str, by: By = None, comment: Comment = "", if_match: IfMatch = None
    ) -> None:
        """Delete a rule: what it has firing is resolved, its versions stay."""
        await editor.delete(name, Edit(named(by), comment, _seen(if_match)))

    @router.post("/{name}/enable", response_model=None)
    async def enable_rule(name: str, act: RuleAct, if_match: IfMatch = None) -> Response:
        """Switch a rule on."""
        return shown_edit(await editor.switch(name, edit_of(act, if_match), on=True))

    @router.post("/{name}/disable", response_model=None)
    async def disable_rule(name: str, act: RuleAct, if_match: IfMatch = None) -> Response:
        """Switch a rule off: what it has firing is resolved."""
        return shown_edit(await editor.switch(name, edit_of(act, if_match), on=False))

    return router


def edit_of(act: RuleAct, if_match: str | None = None) -> Edit:
    """Who does it, why, and which version they looked at."""
    return Edit(act.by, act.comment, _seen(if_match))


def shown_edit(stored: StoredRule, status: int = 200) -> Response:
    """The version that came of it."""
    headers = {"etag": f'"{stored.version}"'}
    return JSONResponse(shown_version(stored), status_code=status, headers=headers)


def _seen(if_match: str | None) -> Seen:
    if if_match is None or if_match.strip() == ANY:
        return if_match and ANY
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()):
        raise InvalidInputError('If-Match: pass the ETag of the rule unchanged, such as "3", or *')
    return int(text)
