"""What both halves of the document are made of: paths of the API, ids, references, refusals."""

import re
from collections.abc import Callable
from typing import Any, Final

Document = dict[str, Any]

PREFIX: Final = "/api/v1/"
METHODS: Final = ("get", "post", "put", "patch", "delete")
SCHEMAS: Final = "#/components/schemas/"

ERROR: Final[Document] = {
    "type": "object",
    "title": "Error",
    "description": "What every refusal says.",
    "required": ["error", "detail"],
    "properties": {
        "error": {"type": "string", "description": "The kind of mistake, for programs"},
        "detail": {"type": "string", "description": "What was wrong, for people"},
    },
}
NEVER_SENT: Final = frozenset({"HTTPValidationError", "ValidationError"})
"""FastAPI's own body of a 422, which our services do not use."""

_ROUTE: Final = re.compile(r"(?:_api)?_v1_.*$")


def refusal(description: str) -> Document:
    """A response that carries the error body."""
    schema = {"$ref": f"{SCHEMAS}Error"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def resource_of(path: str) -> str:
    """The part of a public path that says what it is about."""
    return path.removeprefix(PREFIX).partition("/")[0]


def public_operation(operation: Document, resource: str, refusals: Document) -> Document:
    """An operation with the public id, tag and refusals.

    FastAPI's ids are the function's name and then the route, which is not the public one.
    """
    name = _ROUTE.sub("", operation["operationId"])
    answers = {code: each for code, each in operation["responses"].items() if code != "422"}
    if "422" in operation["responses"]:
        answers["422"] = refusal("The request does not have this form")
    return {
        **operation,
        "operationId": f"{resource}_{name}".replace("-", "_"),
        "tags": [resource],
        "responses": {**answers, **refusals},
    }


def with_references(value: Any, rename: Callable[[str], str]) -> Any:
    """A copy in which the references to schemas have other names."""
    if isinstance(value, list):
        return [with_references(each, rename) for each in value]
    if not isinstance(value, dict):
        return value
    copied = {key: with_references(each, rename) for key, each in value.items()}
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith(SCHEMAS):
        copied["$ref"] = SCHEMAS + rename(reference.removeprefix(SCHEMAS))
    mapping = value.get("mapping")
    if isinstance(mapping, dict) and "propertyName" in value:
        copied["mapping"] = {
            key: SCHEMAS + rename(str(each).removeprefix(SCHEMAS)) for key, each in mapping.items()
        }
    return copied


def references(value: Any) -> set[str]:
    """The names of the schemas that a part of a document refers to."""
    found: set[str] = set()

    def note(name: str) -> str:
        found.add(name)
        return name

    with_references(value, note)
    return found
