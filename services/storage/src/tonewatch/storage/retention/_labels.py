"""A label as an operator names it: `queue:vip`."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement

from tonewatch.shared.errors import InvalidInputError
from tonewatch.storage.models import Session


class Label(NamedTuple):
    """One label with its value."""

    name: str
    value: str

    @property
    def of_session(self) -> ColumnElement[bool]:
        """Whether a row of `sessions` carries it."""
        carried: Any = Session.labels[self.name].as_string()
        return carried == self.value  # type: ignore[no-any-return]


def label_of(text: str) -> Label:
    """Read `name:value`.

    Raises:
        InvalidInputError: it is not written so.
    """
    name, colon, value = text.partition(":")
    if not (name and colon and value) or '"' in name or "\\" in name:
        raise InvalidInputError(
            f"a label is written name:value, such as customer_id:4711; {text!r} is not"
        )
    return Label(name, value)
