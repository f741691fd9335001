"""What all tables share: names of constraints, and types of columns."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Double, MetaData, String
from sqlalchemy.orm import DeclarativeBase

from tonewatch.storage.columns import Json, UtcDateTime

Key = String(128)
Name = String(256)
Short = String(16)


class Base(DeclarativeBase):
    """Base of the tables; constraints are named, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        float: Double(),
        dict[str, str]: Json,
        list[str]: Json,
    }
