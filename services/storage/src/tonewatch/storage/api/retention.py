"""GET /v1/retention, and legal holds: /v1/holds."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tonewatch.shared.acting import DOER, named
from tonewatch.storage.api.views import Page, Time, View
from tonewatch.storage.database import Database
from tonewatch.storage.retention import (
    RetentionOptions,
    active_holds,
    label_of,
    place_hold,
    release_hold,
    used_bytes,
)

Person = Annotated[str, Field(min_length=1, max_length=256)]


class HoldRequest(BaseModel):
    """What is to be kept, who says so, and why."""

    model_config = ConfigDict(extra="forbid")

    session_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    label: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="name:value; sessions that carry it, now and later"
    )
    by: Person = DOER
    reason: Annotated[str, Field(min_length=1, max_length=512)]

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.session_id is None) == (self.label is None):
            raise ValueError("name either a session_id or a label")
        return self


class HoldView(View):
    """A legal hold."""

    hold_id: str
    session_id: str | None
    label_name: str | None
    label_value: str | None
    reason: str
    placed_by: str
    placed_at: Time
    released_by: str | None
    released_at: Time | None


class RetentionView(View):
    """What is kept for how long, and how much there is."""

    settings: RetentionOptions
    database_bytes: int


def build_router(database: Database, options: RetentionOptions) -> APIRouter:
    """The routes over this database."""
    router = APIRouter(tags=["retention"])

    @router.get("/retention")
    async def show_retention() -> RetentionView:
        """The settings in force, and the size of the database."""
        return RetentionView(settings=options, database_bytes=await used_bytes(database))

    @router.get("/holds")
    async def list_holds() -> Page[HoldView]:
        """All legal holds in force."""
        holds = await active_holds(database)
        return Page[HoldView](items=[HoldView.model_validate(hold) for hold in holds])

    @router.post("/holds", status_code=201)
    async def hold(asked: HoldRequest) -> HoldView:
        """Keep a session, or all with a label, from retention and erasure."""
        target = label_of(asked.label) if asked.label is not None else str(asked.session_id)
        placed = await place_hold(database, target, by=asked.by, reason=asked.reason)
        return HoldView.model_validate(placed)

    @router.delete("/holds/{hold_id}")
    async def release(hold_id: str, by: Annotated[Person | None, Query()] = None) -> HoldView:
        """End a hold."""
        return HoldView.model_validate(await release_hold(database, hold_id, by=named(by)))

    return router
