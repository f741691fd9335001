"""The pages and their files: rendered here, brought to life by the modules under static/js."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Cookie, Depends, Header, Query
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

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
)


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


def page_router() -> APIRouter:
    """Routes of the pages, and /samples."""
    router = APIRouter(include_in_schema=False)
    samples = find_samples()
    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "templates"), autoescape=True, undefined=StrictUndefined
    )
    templates = {page: environment.get_template(page.template) for page in PAGES}

    def add(page: Page) -> None:
        @router.get(page.path, name=page.template)
        async def show(viewer: Annotated[Viewer, Depends(_viewer)]) -> HTMLResponse:
            """The page, in the language of the viewer."""
            context = {**_context(viewer.language, page.section), "samples": list(samples)}
            response = _answer(templates[page].render(context), viewer)
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


def _viewer(
    lang: Annotated[str | None, Query(max_length=16)] = None,
    chosen: Annotated[str | None, Cookie(alias=COOKIE, max_length=16)] = None,
    accept_language: Annotated[str | None, Header(max_length=512)] = None,
) -> Viewer:
    return Viewer(choose_language(lang, chosen, accept_language), lang is not None)


def _context(language: Language, section: str) -> dict[str, Any]:
    return {
        "t": texts(language).__getitem__,
        "texts": texts(language),
        "language": language,
        "languages": LANGUAGES,
        "html_language": HTML_LANGUAGE[language],
        "emotions": [emotion.value for emotion in EMOTIONS],
        "navigation": NAVIGATION,
        "current": section,
    }


def _answer(html: str, viewer: Viewer) -> HTMLResponse:
    response = HTMLResponse(html)
    response.headers["Vary"] = "Accept-Language, Cookie"
    if viewer.is_chosen:
        response.set_cookie(
            COOKIE, viewer.language, max_age=YEAR_SECONDS, samesite="lax", httponly=True
        )
    return response
