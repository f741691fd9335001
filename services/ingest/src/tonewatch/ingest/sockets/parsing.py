"""Reads JSON messages, so that an error names the field and never repeats what was in it."""

from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tonewatch.shared.errors import InvalidInputError

MOST_PROBLEMS: Final = 3

MessageT = TypeVar("MessageT", bound="Incoming")


class Incoming(BaseModel):
    """Base of messages whose fields are not ours to decide: new ones may come."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


def parse(model: type[MessageT], text: str, name: str) -> MessageT:
    """The message in a text.

    Raises:
        InvalidInputError: it is no JSON, or not such a message.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        problems = [
            f"{'.'.join((name, *map(str, item['loc'])))}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise InvalidInputError("; ".join(problems[:MOST_PROBLEMS])) from None
