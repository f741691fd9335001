"""The public API's one OpenAPI document: valid, current, and nothing in it that is not public."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from scripts.public_api import render
from tonewatch.console.auth.access import methods_of
from tonewatch.console.forward import RESOURCES
from tonewatch.console.public_api import SERVICES_FILE, public_document, services_part
from tonewatch.console.public_api._parts import references
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.runtime import build_app

Document = dict[str, Any]


@pytest.fixture
def document(tmp_path: Path, memory_broker: MemoryBroker) -> Document:
    settings = ConsoleSettings.model_validate({"data_dir": tmp_path, "console": {"port": 0}})
    return public_document(build_app(ConsoleService(settings, memory_broker)))


def operations(document: Document) -> list[tuple[str, str, Document]]:
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


async def test_the_services_part_is_what_their_code_says() -> None:
    assert SERVICES_FILE.read_text("utf-8") == await render(), "run python -m scripts.public_api"


def test_it_is_valid_openapi(document: Document) -> None:
    assert document["openapi"].startswith("3.1.")
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_only_what_the_console_lets_through_is_in_it(document: Document) -> None:
    for path, method, _ in operations(document):
        assert path.startswith("/api/v1/"), path
        assert method.upper() in methods_of(path), (method, path)
    named = {path.split("/")[3] for path in document["paths"]}
    assert named >= set(RESOURCES)
    assert named >= {"live", "events", "system"}


def test_every_operation_has_an_id_of_its_own_and_one_resource_as_tag(document: Document) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert {"alerts_list_alerts", "inbox_list_alerts", "system_system"} <= set(ids)
    for path, _, operation in operations(document):
        assert operation["tags"] == [path.split("/")[3]]
    assert {tag["name"] for tag in document["tags"]} == {p.split("/")[3] for p in document["paths"]}


def test_every_refusal_has_the_body_that_services_send(document: Document) -> None:
    assert "HTTPValidationError" not in json.dumps(document)
    error = {"$ref": "#/components/schemas/Error"}
    for path, _, operation in operations(document):
        for code in {"401", "403", "422", "503"} & operation["responses"].keys():
            answer = operation["responses"][code]
            assert answer["content"]["application/json"]["schema"] == error, (path, code)


def test_all_but_signing_in_asks_for_a_key_or_a_session(document: Document) -> None:
    assert document["security"] == [{"key": []}, {"session": []}]
    assert set(document["components"]["securitySchemes"]) == {"key", "session"}
    free = {path for path, _, operation in operations(document) if "security" in operation}
    assert free == {f"/api/v1/auth/{way}" for way in ("sign-in", "sign-out", "welcome", "link")}
    for path, method, operation in operations(document):
        permission = operation.get("x-permission")
        assert (permission is None) == (path in free), (method, path)
        assert permission is None or {"401", "403"} <= operation["responses"].keys()
    assert document["paths"]["/api/v1/rules"]["post"]["x-permission"] == "rules:write"


def test_no_schema_is_left_over(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert references(document) == set(schemas)


def test_a_header_that_the_console_does_not_pass_on_is_not_offered(document: Document) -> None:
    added = document["paths"]["/api/v1/sources"]["post"]
    assert "x-tonewatch-actor" not in json.dumps(added).lower()
    changed = document["paths"]["/api/v1/rules/{name}"]["put"]
    assert [each["name"] for each in changed["parameters"]] == ["name", "if-match"]


def inner(paths: Document, schemas: Document) -> Document:
    return {"paths": paths, "components": {"schemas": schemas}}


def operation(schema: str) -> Document:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"operationId": "f_v1_x_get", "responses": {"200": {"content": content}}}


def test_schemas_of_one_name_and_two_meanings_are_told_apart() -> None:
    same = {"type": "string"}
    wrapping = {"properties": {"state": {"$ref": "#/components/schemas/State"}}}
    storage = {"State": {"enum": ["a"]}, "Item": wrapping, "Same": same}
    alerting = {"State": {"enum": ["b"]}, "Item": wrapping, "Same": same}
    part = services_part(
        {
            "ingest": inner({}, {}),
            "inference": inner({}, {}),
            "storage": inner(
                {
                    "/v1/alerts": {"get": operation("Item")},
                    "/v1/search": {"get": operation("Same")},
                },
                storage,
            ),
            "alerting": inner(
                {"/v1/alerts": {"get": operation("Item")}, "/v1/rules": {"get": operation("Same")}},
                alerting,
            ),
        }
    )
    assert set(part["schemas"]) == {
        *("AlertingItem", "AlertingState", "StorageItem", "StorageState", "Same"),
    }
    assert references(part["paths"]["/api/v1/inbox"]) >= {"AlertingItem"}
    assert references(part["schemas"]["StorageItem"]) == {"StorageState"}
