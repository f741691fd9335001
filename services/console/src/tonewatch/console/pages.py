"""The pages and their files: rendered here, brought to life by the modules under static/js.

Links, parts and buttons that somebody may not use are left out. That is a courtesy: the gate
refuses what they may not do, whatever a page shows.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Cookie, Depends, Header, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from tonewatch.console.auth.access import TABLE, Narrow, methods_of
from tonewatch.console.auth.permissions import Permission
from tonewatch.console.auth.principal import Principal, possible_principal
from tonewatch.console.auth.way_back import way_back
from tonewatch.console.i18n import (
    COOKIE,
    HTML_LANGUAGE,
    LANGUAGES,
    Language,
    choose_language,
    texts,
)
from tonewatch.console.samples import find_samples
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import NotFoundError

PACKAGE: Final = Path(__file__).parent
YEAR_SECONDS: Final = 365 * 24 * 3600

MICROPHONE_POLICY: Final = "camera=(), geolocation=(), microphone=(self)"
"""In place of the policy of all answers, which keeps the microphone from everybody."""

NAVIGATION: Final = (
    ("/", "nav.live"),
    ("/alerts", "nav.alerts"),
    ("/history", "nav.history"),
    ("/rules", "nav.rules"),
    ("/sources", "nav.sources"),
    ("/webhooks", "nav.webhooks"),
    ("/system", "nav.system"),
    ("/users", "nav.users"),
)
"""Addresses and texts of the links in the head of every page."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: where it is, its template, and the link that is marked while it is open."""

    path: str
    template: str
    section: str
    has_microphone: bool = False
    """Whether its scripts may record."""


PAGES: Final = (
    Page("/", "index.html", "/", has_microphone=True),
    Page("/alerts", "alerts.html", "/alerts"),
    Page("/history", "history.html", "/history"),
    Page("/calls/{session_id}", "call.html", "/history"),
    Page("/rules", "rules.html", "/rules"),
    Page("/sources", "sources.html", "/sources"),
    Page("/webhooks", "webhooks.html", "/webhooks"),
    Page("/system", "system.html", "/system"),
    Page("/account", "account.html", "/account"),
    Page("/users", "users.html", "/users"),
)

PROBLEMS: Final = {"failed": "door.provider_failed", "denied": "door.provider_denied"}
"""What the sign-in page says when somebody comes back from the identity provider in vain."""


class Files(StaticFiles):
    """Static files that the browser asks for again each time, answered by 304 while unchanged."""

    def __init__(self) -> None:
        super().__init__(directory=PACKAGE / "static")

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, with its ETag."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


@dataclass(frozen=True, slots=True)
class Viewer:
    """In which language somebody wants a page."""

    language: Language
    is_chosen: bool
    """Whether the address of this request chose it, so that it is to be remembered."""


def page_router(provider: str | None = None) -> APIRouter:
    """Routes of the pages, and /samples; `provider` is the name on the button of single sign-on."""
    router = APIRouter(include_in_schema=False)
    samples = find_samples()
    templates = _templates()
    router.include_router(_door_router(templates, provider))

    def add(page: Page) -> None:
        @router.get(page.path, name=page.template)
        async def show(
            request: Request, viewer: Annotated[Viewer, Depends(_viewer)]
        ) -> HTMLResponse:
            """The page, in the language of the viewer."""
            context = _context(viewer.language, page.section, possible_principal(request))
            html = templates.get_template(page.template).render(context, samples=list(samples))
            response = _answer(html, viewer)
            if page.has_microphone:
                response.headers["Permissions-Policy"] = MICROPHONE_POLICY
            return response

    for each in PAGES:
        add(each)

    @router.get("/samples/{name}.flac")
    async def sample(name: str) -> FileResponse:
        """A recording to try."""
        if name not in samples:
            raise NotFoundError(f"there is no sample {name}")
        return FileResponse(samples[name], media_type="audio/flac")

    return router


def refusal_page(connection: HTTPConnection) -> Response:
    """What somebody sees whose role does not open the page they asked for."""
    viewer = _viewer(
        connection.query_params.get("lang"),
        connection.cookies.get(COOKIE),
        connection.headers.get("accept-language"),
    )
    context = _context(viewer.language, connection.url.path, possible_principal(connection))
    html = _templates().get_template("denied.html").render(context)
    return _answer(html, viewer, status_code=403)


def may(principal: Principal | None) -> frozenset[Permission]:
    """What somebody can really do: limited by labels, not what cannot be narrowed to them."""
    if principal is None:
        return frozenset()
    if not principal.labels:
        return principal.permissions
    narrowed = {access.permission for access in TABLE if access.narrow is not Narrow.DENIED}
    return principal.permissions & narrowed


def _door_router(templates: Environment, provider: str | None) -> APIRouter:
    router = APIRouter()

    @router.get("/sign-in")
    async def sign_in(
        request: Request,
        viewer: Annotated[Viewer, Depends(_viewer)],
        back: Annotated[str | None, Query(alias="next")] = None,
        problem: Annotated[str | None, Query(max_length=16)] = None,
    ) -> Response:
        """Name and password; whoever is signed in already goes on at once."""
        if possible_principal(request) is not None:
            return RedirectResponse(way_back(back), status_code=303)
        template = templates.get_template("sign-in.html")
        html = template.render(
            _context(viewer.language, "/sign-in", None),
            next=way_back(back),
            problem=PROBLEMS.get(problem or ""),
            provider=provider,
        )
        return _answer(html, viewer)

    @router.get("/welcome")
    async def welcome(viewer: Annotated[Viewer, Depends(_viewer)]) -> HTMLResponse:
        """Where a one-time link leads."""
        context = _context(viewer.language, "/welcome", None)
        return _answer(templates.get_template("welcome.html").render(context), viewer)

    return router


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(PACKAGE / "templates"), autoescape=True, undefined=StrictUndefined
    )


def _viewer(
    lang: Annotated[str | None, Query(max_length=16)] = None,
    chosen: Annotated[str | None, Cookie(alias=COOKIE, max_length=16)] = None,
    accept_language: Annotated[str | None, Header(max_length=512)] = None,
) -> Viewer:
    return Viewer(choose_language(lang, chosen, accept_language), lang is not None)


def _context(language: Language, section: str, principal: Principal | None) -> dict[str, Any]:
    permissions = sorted(may(principal))
    return {
        "t": texts(language).__getitem__,
        "texts": texts(language),
        "language": language,
        "languages": LANGUAGES,
        "html_language": HTML_LANGUAGE[language],
        "emotions": [emotion.value for emotion in EMOTIONS],
        "navigation": [link for link in NAVIGATION if _opens(link[0], principal)],
        "current": section,
        "permissions": permissions,
        "can": permissions.__contains__,
        "person": principal
        and {
            "name": principal.name,
            "role": principal.role,
            "via": principal.via,
            "permissions": permissions,
            "limited": bool(principal.labels),
        },
    }


def _opens(path: str, principal: Principal | None) -> bool:
    access = methods_of(path)["GET"]
    is_closed = principal and principal.labels and access.narrow is Narrow.DENIED
    return access.permission in may(principal) and not is_closed


def _answer(html: str, viewer: Viewer, status_code: int = 200) -> HTMLResponse:
    response = HTMLResponse(html, status_code=status_code)
    response.headers["Vary"] = "Accept-Language, Cookie"
    if viewer.is_chosen:
        response.set_cookie(
            COOKIE, viewer.language, max_age=YEAR_SECONDS, samesite="lax", httponly=True
        )
    return response
