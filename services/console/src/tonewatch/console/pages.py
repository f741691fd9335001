"""The page itself and its files: rendered here, brought to life by the modules under static/js."""

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Cookie, Header, Query
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from tonewatch.console.i18n import COOKIE, HTML_LANGUAGE, LANGUAGES, choose_language, texts
from tonewatch.console.samples import find_samples
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import NotFoundError

PACKAGE: Final = Path(__file__).parent
YEAR_SECONDS: Final = 365 * 24 * 3600


class Files(StaticFiles):
    """Static files that the browser asks for again each time, answered by 304 while unchanged."""

    def __init__(self) -> None:
        super().__init__(directory=PACKAGE / "static")

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, with its ETag."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def page_router() -> APIRouter:
    """Routes / and /samples."""
    router = APIRouter(include_in_schema=False)
    samples = find_samples()
    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "templates"), autoescape=True, undefined=StrictUndefined
    )
    template = environment.get_template("index.html")

    @router.get("/")
    async def index(
        lang: Annotated[str | None, Query(max_length=16)] = None,
        chosen: Annotated[str | None, Cookie(alias=COOKIE, max_length=16)] = None,
        accept_language: Annotated[str | None, Header(max_length=512)] = None,
    ) -> HTMLResponse:
        """The page, in the language of the viewer."""
        language = choose_language(lang, chosen, accept_language)
        context: dict[str, Any] = {
            "language": language,
            "languages": LANGUAGES,
            "html_language": HTML_LANGUAGE[language],
            "texts": texts(language),
            "emotions": [emotion.value for emotion in EMOTIONS],
            "samples": list(samples),
        }
        response = HTMLResponse(template.render(t=texts(language).__getitem__, **context))
        response.headers["Vary"] = "Accept-Language, Cookie"
        if lang is not None:
            response.set_cookie(
                COOKIE, language, max_age=YEAR_SECONDS, samesite="lax", httponly=True
            )
        return response

    @router.get("/samples/{name}.flac")
    async def sample(name: str) -> FileResponse:
        """A recording to try."""
        if name not in samples:
            raise NotFoundError(f"there is no sample {name}")
        return FileResponse(samples[name], media_type="audio/flac")

    return router
