"""The services' part of the document, from what each service says of itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tonewatch.console.auth.access import methods_of
from tonewatch.console.forward import REQUEST_HEADERS, RESOURCES, Resource
from tonewatch.console.public_api._parts import (
    METHODS,
    NEVER_SENT,
    PREFIX,
    Document,
    public_operation,
    references,
    refusal,
    with_references,
)
from tonewatch.console.upstreams import Upstream

SERVICES_FILE: Final = Path(__file__).with_name("services.json")

_AWAY: Final = {"503": refusal("The service that answers this is away; try again")}
_INNER: Final = "/v1/"


def services_part(documents: Mapping[Upstream, Document]) -> Document:
    """Paths, schemas and tags of everything that the console forwards.

    A schema's name that means different things in different services gets the service's name in
    front; what a request never reaches the service with is left out.
    """
    renamings = _renamings({owner: _schemas(each) for owner, each in documents.items()})
    paths: Document = {}
    schemas: Document = {}
    for name, resource in RESOURCES.items():
        document = documents[resource.owner]
        rename = renamings[resource.owner]
        found = with_references(dict(_paths(document, name, resource)), rename.__getitem__)
        paths |= found
        known = {
            rename[key]: with_references(schema, rename.__getitem__)
            for key, schema in _schemas(document).items()
        }
        schemas |= {key: known[key] for key in _needed(found, known)}
    tags = [
        {"name": name, "description": f"Answered by {resource.owner}"}
        for name, resource in RESOURCES.items()
    ]
    return {
        "paths": paths,
        "schemas": dict(sorted(schemas.items())),
        "tags": tags,
    }


def _paths(document: Document, name: str, resource: Resource) -> Iterator[tuple[str, Document]]:
    inner = _INNER + (resource.name or name)
    for path, item in document["paths"].items():
        if path != inner and not path.startswith(f"{inner}/"):
            continue
        public = PREFIX + name + path.removeprefix(inner)
        listed = methods_of(public)
        operations = {
            method: _forwarded(item[method], name)
            for method in METHODS
            if method in item and method.upper() in listed
        }
        if operations:
            yield public, operations


def _forwarded(operation: Document, name: str) -> Document:
    kept = [
        parameter
        for parameter in operation.get("parameters", ())
        if parameter["in"] != "header" or parameter["name"].lower() in REQUEST_HEADERS
    ]
    made = public_operation(operation, name, _AWAY)
    return {**made, "parameters": kept} if "parameters" in operation else made


def _schemas(document: Document) -> Document:
    schemas: Document = document.get("components", {}).get("schemas", {})
    return {name: each for name, each in schemas.items() if name not in NEVER_SENT}


def _renamings(schemas: Mapping[Upstream, Document]) -> Mapping[Upstream, dict[str, str]]:
    """For each service, what its schemas are called in the public document."""
    ambiguous = _ambiguous(schemas)
    return {
        owner: {
            name: f"{owner.capitalize()}{name}" if name in ambiguous else name for name in known
        }
        | {"Error": "Error"}
        for owner, known in schemas.items()
    }


def _ambiguous(schemas: Mapping[Upstream, Document]) -> set[str]:
    """Names that differ between services, or refer, in several of them, to such a name."""
    meanings: dict[str, list[Any]] = {}
    for known in schemas.values():
        for name, schema in known.items():
            meanings.setdefault(name, []).append(schema)
    shared = {name: found for name, found in meanings.items() if len(found) > 1}
    ambiguous = {name for name, (first, *rest) in shared.items() if any(o != first for o in rest)}
    while (
        more := {name for name, found in shared.items() if references(found) & ambiguous}
        - ambiguous
    ):
        ambiguous |= more
    return ambiguous


def _needed(part: Document, known: Document) -> set[str]:
    """The schemas that a part refers to, and those that they refer to in turn."""
    needed: set[str] = set()
    waiting = references(part) & known.keys()
    while waiting:
        needed |= waiting
        waiting = set().union(*(references(known[name]) for name in waiting))
        waiting = (waiting & known.keys()) - needed
    return needed
