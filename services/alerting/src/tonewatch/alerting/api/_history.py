"""/v1/rules/backtest and /v1/rules/{name}/trace: rules over stored history."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from tonewatch.alerting.engine import Timing
from tonewatch.alerting.history import (
    Backtest,
    BacktestOptions,
    Found,
    HistoryClient,
    SessionQuery,
    shown_found,
    shown_progress,
    shown_second,
    trace_session,
)
from tonewatch.alerting.rules import Rule, RuleBook, parse_rule
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import ConflictError, NotFoundError, TonewatchError
from tonewatch.shared.messages import Speaker

LINES: Final = "application/x-ndjson"
WEEK: Final = timedelta(days=7)

Name = Annotated[str, Field(min_length=1, max_length=256)]


class BacktestRequest(BaseModel):
    """Which rules (of those in force, or a draft), over what, and how far."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    rule: dict[str, Any] | None = Field(default=None, description="A draft; in place of `names`")
    names: tuple[Name, ...] = Field(default=(), max_length=100, description="Known rules")
    begin: AwareDatetime | None = Field(default=None, alias="from", description="A week ago")
    end: AwareDatetime | None = Field(default=None, alias="to", description="Now")
    source_id: str | None = None
    agent_id: str | None = None
    queue: str | None = None
    label: tuple[str, ...] = Field(default=(), max_length=8, description="name:value")
    most_sessions: int = Field(default=1000, ge=1, le=100_000)
    most_seconds: float = Field(default=600, gt=0, le=3600, description="Of time it may take")
    fine: bool = Field(
        default=True, description="With the steps inside seconds: exact, but much slower"
    )

    @model_validator(mode="after")
    def _names_rules(self) -> Self:
        if (self.rule is None) is (not self.names):
            raise ValueError("give either `rule`, a draft, or `names` of rules")
        return self

    def query(self) -> SessionQuery:
        """What storage is asked for."""
        end = self.end or utc_now()
        begin = self.begin or end - WEEK
        given = {"source_id", "agent_id", "queue", "label"}
        return SessionQuery(begin=begin, end=end, **self.model_dump(include=given))


def history_router(book: RuleBook, client: HistoryClient, timing: Timing) -> APIRouter:
    """The routes; one backtest runs at a time."""
    router = APIRouter(prefix="/v1/rules", tags=["rules"])
    running = asyncio.Lock()

    @router.post("/backtest", response_class=StreamingResponse)
    async def backtest(asked: BacktestRequest) -> StreamingResponse:
        """What would have fired: a line of JSON for each alert, progress, and a summary last."""
        rules = _rules(book, asked)
        options = BacktestOptions(
            most_sessions=asked.most_sessions, most_seconds=asked.most_seconds, fine=asked.fine
        )
        run = Backtest(client, rules, timing, options)
        if running.locked():
            raise ConflictError("another backtest is running here; wait for its end")
        return StreamingResponse(_lines(run, asked.query(), running), media_type=LINES)

    @router.get("/{name}/trace")
    async def show_trace(
        name: str,
        session_id: Annotated[str, Query(min_length=1, max_length=128)],
        speaker: Speaker | None = None,
        from_seq: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=7200)] = 600,
    ) -> dict[str, Any]:
        """Why a rule fired, or did not, on a stored session: second by second."""
        found = await trace_session(client, _known(book, name), session_id, speaker, timing)
        return {
            "rule": name,
            "session_id": session_id,
            "applies": found.applies,
            "why_not": list(found.why_not),
            "tracks": {
                voice: [
                    shown_second(second)
                    for second in seconds
                    if from_seq <= second.seq < from_seq + limit
                ]
                for voice, seconds in found.tracks.items()
            },
        }

    return router


async def _lines(run: Backtest, query: SessionQuery, running: asyncio.Lock) -> AsyncIterator[bytes]:
    async with running:
        try:
            async for each in run.run(query):
                yield _line(shown_found(each) if isinstance(each, Found) else shown_progress(each))
        except TonewatchError as error:
            yield _line({"type": "error", "detail": error.message})


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _rules(book: RuleBook, asked: BacktestRequest) -> list[Rule]:
    if asked.rule is not None:
        return [parse_rule(asked.rule, book.channels)]
    return [_known(book, name) for name in asked.names]


def _known(book: RuleBook, name: str) -> Rule:
    for rule in book.loaded.rules:
        if rule.name == name:
            return rule
    raise NotFoundError(f'there is no rule "{name}" that can be used')
