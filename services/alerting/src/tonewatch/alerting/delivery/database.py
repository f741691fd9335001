"""The service's database, and rows of it that must be there."""

from typing import Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from tonewatch.alerting.delivery.tables import MIGRATIONS
from tonewatch.shared.database import Database
from tonewatch.shared.errors import NotFoundError

NAME: Final = "the alerting database"

Row = TypeVar("Row")


def database_over(engine: AsyncEngine) -> Database:
    """Alerting's tables over this engine."""
    return Database(engine, name=NAME, migrations=MIGRATIONS)


async def require(session: AsyncSession, model: type[Row], key: str, what: str) -> Row:
    """The row of this key.

    Raises:
        NotFoundError: there is none; `what` says what it would be.
    """
    row = await session.get(model, key)
    if row is None:
        raise NotFoundError(f"there is no {what} {key}")
    return row
