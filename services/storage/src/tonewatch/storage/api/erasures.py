"""POST /v1/erasures: a person's data removed, with a receipt; GET lists the receipts."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from tonewatch.shared.acting import DOER
from tonewatch.storage.api.retention import Person
from tonewatch.storage.api.views import Page, Time, View
from tonewatch.storage.database import Database
from tonewatch.storage.models import AuditEntry
from tonewatch.storage.retention import Eraser, label_of

NEWEST = 200


class ErasureRequest(BaseModel):
    """Whose data, who asks for it, and why."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, Field(max_length=400)] = Field(
        description="name:value; every session that carries it is removed"
    )
    by: Person = DOER
    reason: Annotated[str, Field(min_length=1, max_length=512)]


class Receipt(View):
    """What was removed; the value of the label only as its SHA-256."""

    erasure_id: str
    label: str
    value_sha256: str
    sessions: int
    removed: dict[str, int] = Field(description="Rows by table, and files")


class ReceiptEntry(Receipt):
    """A receipt, as the audit log keeps it."""

    at: Time
    by: str
    reason: str


def build_router(database: Database, eraser: Eraser) -> APIRouter:
    """The routes over this database."""
    router = APIRouter(tags=["retention"])

    @router.post("/erasures", status_code=201)
    async def erase(asked: ErasureRequest) -> Receipt:
        """Remove every session with a label, all its rows and files; may take a while."""
        done = await eraser.erase(label_of(asked.label), by=asked.by, reason=asked.reason)
        return Receipt.model_validate(done)

    @router.get("/erasures")
    async def list_erasures() -> Page[ReceiptEntry]:
        """The newest receipts."""
        query = select(AuditEntry).where(AuditEntry.action == "erasure")
        async with database.read() as session:
            found = await session.scalars(query.order_by(AuditEntry.id.desc()).limit(NEWEST))
            entries = found.all()
        items = [
            ReceiptEntry(erasure_id=entry.subject, at=entry.at, by=entry.actor, **entry.detail)
            for entry in entries
        ]
        return Page[ReceiptEntry](items=items)

    return router
