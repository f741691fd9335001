"""The whole document, and the route that serves it."""

import json
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse

from tonewatch.console.auth.access import methods_of
from tonewatch.console.auth.permissions import Permission
from tonewatch.console.public_api._parts import (
    ERROR,
    METHODS,
    NEVER_SENT,
    PREFIX,
    Document,
    public_operation,
    refusal,
    resource_of,
)
from tonewatch.console.public_api._services import SERVICES_FILE

DESCRIPTION: Final = (
    "What programs can do with Tonewatch, at the console's address. Programs send an API key "
    "(`tonewatch-console key --name NAME`, or the console's page of your account) as "
    "`Authorization: Bearer tw_...`; the console's pages use the session cookie. An answer whose "
    "status is 400 or more has a body with `error` and `detail`."
)
SECURITY_SCHEMES: Final[Document] = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, `tw_<id>_<secret>`"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "tonewatch_session",
        "description": "Set by signing in; `__Host-tonewatch_session` over https",
    },
}
SECURITY: Final[list[Document]] = [{"key": []}, {"session": []}]
UNAUTHORIZED: Final = refusal("Nobody is signed in, or the key is not valid")


def public_document(app: FastAPI) -> Document:
    """The document over all services and the routes of this application under /api/v1."""
    services: Document = json.loads(SERVICES_FILE.read_text("utf-8"))
    own = app.openapi()
    paths = services["paths"] | _own_paths(own)
    schemas = services["schemas"] | {
        name: schema
        for name, schema in own.get("components", {}).get("schemas", {}).items()
        if name not in NEVER_SENT
    }
    for path, item in paths.items():
        for method, operation in item.items():
            _say_who_may(operation, methods_of(path)[method.upper()].permission)
    tags = sorted({resource_of(path) for path in paths})
    described = {tag["name"]: tag for tag in services["tags"]}
    version = own["info"]["version"]
    return {
        "openapi": own["openapi"],
        "info": {"title": "Tonewatch", "version": version, "description": DESCRIPTION},
        "security": SECURITY,
        "tags": [described.get(tag, {"name": tag}) for tag in tags],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted((schemas | {"Error": ERROR}).items())),
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _say_who_may(operation: Document, permission: Permission | None) -> None:
    """What the gate asks for; an operation without a permission is for everybody."""
    if permission is None:
        operation["security"] = []
        return
    operation["x-permission"] = permission.value
    operation["responses"]["401"] = UNAUTHORIZED
    operation["responses"]["403"] = refusal(
        f"Whoever is signed in may not do this; it takes {permission}"
    )


def _own_paths(own: Document) -> Document:
    return {
        path: {
            method: public_operation(operation, resource_of(path), {})
            for method, operation in item.items()
            if method in METHODS
        }
        for path, item in own["paths"].items()
        if path.startswith(PREFIX)
    }


def public_api_router() -> APIRouter:
    """Route /api/v1/openapi.json."""
    router = APIRouter(prefix="/api/v1", include_in_schema=False)
    made: dict[str, Any] = {}

    @router.get("/openapi.json")
    async def openapi(request: Request) -> JSONResponse:
        """What programs can ask for, in the form that their tools read (OpenAPI 3.1)."""
        if not made:
            made.update(public_document(request.app))
        return JSONResponse(made)

    return router
