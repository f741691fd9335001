"""/v1/alerts: what fired, who was told and why not, and what people made of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tonewatch.alerting.notices.listing import AlertList, AlertQuery, shown_alert, shown_story
from tonewatch.alerting.notices.model import AlertVerdict
from tonewatch.alerting.notices.people import AlertChangedError, People
from tonewatch.alerting.notices.precision import precision_by_rule
from tonewatch.alerting.notices.silences import Person
from tonewatch.alerting.notices.tables import AlertRow
from tonewatch.shared.acting import DOER
from tonewatch.shared.clock import ms_of
from tonewatch.shared.database import Database
from tonewatch.shared.errors import InvalidInputError

Comment = Annotated[str, Field(max_length=2000)]
IfMatch = Annotated[str | None, Header(description='The version that was looked at, such as "3"')]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Act(BaseModel):
    """Something a person does."""

    model_config = ConfigDict(extra="forbid")

    by: Person = DOER


class Acknowledgement(_Act):
    """Somebody looks after the alert."""

    comment: Comment = ""


class Assignment(_Act):
    """The alert is somebody's to deal with; nobody's if `to` is null."""

    to: Person | None
    version: int | None = Field(default=None, ge=1, description="Of the alert that was looked at")


class Remark(_Act):
    """A comment."""

    comment: Annotated[str, Field(min_length=1, max_length=2000)]


class Closing(_Act):
    """What the alert turned out to be."""

    verdict: AlertVerdict
    comment: Comment = ""
    version: int | None = Field(default=None, ge=1, description="Of the alert that was looked at")


def alerts_router(database: Database, on_change: Callable[[], None]) -> APIRouter:
    """The routes of alerts and of the rules' precision; `on_change` is called after each act."""
    router = APIRouter(tags=["alerts"])
    alerts = AlertList(database)

    @router.get("/v1/alerts")
    async def list_alerts(query: Annotated[AlertQuery, Query()]) -> dict[str, Any]:
        """Alerts, newest first."""
        rows, cursor = await alerts.page(query)
        return {"items": list(map(shown_alert, rows)), "next_cursor": cursor}

    @router.get("/v1/alerts/{alert_id}")
    async def show_alert(alert_id: str, response: Response) -> dict[str, Any]:
        """One alert with its timeline and deliveries; its version is the ETag."""
        story = await alerts.story(alert_id)
        response.headers["etag"] = f'"{story.row.version}"'
        return shown_story(story)

    @router.get("/v1/rules/precision")
    async def show_precision(since: AwareDatetime = EPOCH) -> dict[str, Any]:
        """How often each rule was right, of the alerts fired since then."""
        items = await precision_by_rule(database, ms_of(since))
        return {"items": items, "next_cursor": None}

    _add_acts(router, People(database), on_change)
    return router


def _add_acts(router: APIRouter, people: People, on_change: Callable[[], None]) -> None:
    @router.post("/v1/alerts/{alert_id}/acknowledge")
    async def acknowledge(alert_id: str, act: Acknowledgement) -> dict[str, Any]:
        """Stop repeats and escalation; the second to do so learns who was first."""
        row, is_first = await people.acknowledge(alert_id, act.by, act.comment)
        on_change()
        return {**shown_alert(row), "changed": is_first}

    @router.post("/v1/alerts/{alert_id}/assign", response_model=None)
    async def assign(
        alert_id: str, act: Assignment, if_match: IfMatch = None
    ) -> dict[str, Any] | Response:
        """Give it to somebody; 409 with the present state if it was changed meanwhile."""
        version = _version(act.version, if_match)
        try:
            row = await people.assign(alert_id, act.by, act.to, version)
        except AlertChangedError as error:
            return _conflict(error)
        on_change()
        return shown_alert(row)

    @router.post("/v1/alerts/{alert_id}/comment", status_code=201)
    async def comment(alert_id: str, act: Remark) -> dict[str, Any]:
        """Add a comment to its timeline."""
        return shown_alert(await people.comment(alert_id, act.by, act.comment))

    @router.post("/v1/alerts/{alert_id}/close", response_model=None)
    async def close(
        alert_id: str, act: Closing, if_match: IfMatch = None
    ) -> dict[str, Any] | Response:
        """Say what it was; 409 with the present state if it was changed meanwhile."""
        version = _version(act.version, if_match)
        try:
            row = await people.close(alert_id, act.by, act.verdict, act.comment, version)
        except AlertChangedError as error:
            return _conflict(error)
        on_change()
        return shown_alert(row)


def _version(given: int | None, if_match: str | None) -> int | None:
    """The version that was looked at, from the body or the header."""
    if if_match is None or given is not None:
        return given
    text = if_match.removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()):
        raise InvalidInputError('If-Match: pass the ETag of the alert unchanged, such as "3"')
    return int(text)


def _conflict(error: AlertChangedError) -> JSONResponse:
    row: AlertRow = error.row
    body = {"error": "ConflictError", "detail": error.message, "current": shown_alert(row)}
    return JSONResponse(body, status_code=error.status_code, headers={"etag": f'"{row.version}"'})
