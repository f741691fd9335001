"""Sign-in at an identity provider: the way there, and the way back.

Needs the extra `oidc` of the package, for Authlib.
"""

import base64
import hmac
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from tonewatch.console.auth.audit import Deed
from tonewatch.console.auth.cookies import is_secure, set_session
from tonewatch.console.auth.door import Door
from tonewatch.console.auth.mapping import guest_of
from tonewatch.console.auth.oidc_provider import Flow, Provider
from tonewatch.console.auth.routes.forms import visitor_of
from tonewatch.console.auth.way_back import way_back
from tonewatch.console.outside import OidcOptions
from tonewatch.shared.errors import ForbiddenError, TonewatchError, UnauthorizedError
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.logging import get_logger

FLOW_COOKIE: Final = "tonewatch_oidc"
FLOW_LIFE: Final = timedelta(minutes=10)
CALLBACK: Final = "/api/v1/auth/oidc/callback"

log = get_logger(__name__)


class SingleSignOn:
    """One provider, and the sessions of those who come back from it."""

    def __init__(
        self, options: OidcOptions, client: AsyncClient, door: Door, *, public_url: str
    ) -> None:
        self._options = options
        self._door = door
        self._public_url = public_url.rstrip("/")
        self._provider = Provider(options, client, redirect_uri=self._public_url + CALLBACK)

    def router(self) -> APIRouter:
        """GET /api/v1/auth/oidc/start and /callback: a browser is sent from here to there."""
        router = APIRouter(prefix="/api/v1/auth/oidc", tags=["sign-in"], include_in_schema=False)

        @router.get("/start")
        async def start(
            request: Request, back: Annotated[str | None, Query(alias="next")] = None
        ) -> Response:
            """Go to the provider."""
            flow = Flow(back=way_back(back))
            try:
                address = await self._provider.address(flow)
            except TonewatchError as error:
                return await self._refused(request, error)
            response = RedirectResponse(address, status_code=303)
            self._keep(response, request, flow)
            return response

        @router.get("/callback")
        async def callback(
            request: Request, state: str = "", code: str = "", error: str = "", iss: str = ""
        ) -> Response:
            """Come back from the provider, with its code."""
            try:
                flow = self._flow(request, state, iss)
                if error or not code:
                    raise UnauthorizedError(f"the provider sends no code: {error[:100]}")
                response = await self._signed_in(request, flow, code)
            except TonewatchError as problem:
                response = await self._refused(request, problem)
            response.delete_cookie(self._cookie(request), secure=self._is_secure(request))
            return response

        return router

    async def _signed_in(self, request: Request, flow: Flow, code: str) -> Response:
        said = await self._provider.voucher(flow, code)
        guest = guest_of(said, self._options, self._options.label_claims, "oidc")
        visitor = visitor_of(request)
        token, _ = await self._door.sessions.open_guest(guest, visitor)
        await self._door.audit.note_by(
            Deed("sign-in", guest.name), guest.name, "oidc", visitor.address
        )
        response = RedirectResponse(flow.back, status_code=303)
        seconds = self._door.sessions.longest_ms // 1000
        set_session(response, request, token, seconds, self._public_url)
        return response

    def _flow(self, request: Request, state: str, issuer: str) -> Flow:
        try:
            kept = request.cookies.get(self._cookie(request), "")
            flow = Flow.model_validate_json(base64.urlsafe_b64decode(kept))
        except ValueError as error:  # pydantic's is one
            raise UnauthorizedError("this browser did not begin to sign in, or long ago") from error
        if not hmac.compare_digest(flow.state.encode(), state.encode()):
            raise UnauthorizedError("the state is not that of this browser")
        if issuer and issuer != self._options.issuer:  # RFC 9207
            raise UnauthorizedError("another provider answers than was asked")
        return flow.model_copy(update={"back": way_back(flow.back)})

    async def _refused(self, request: Request, error: TonewatchError) -> Response:
        """Back to the sign-in page, which says so in the viewer's language."""
        log.warning("sign-in at the provider failed", reason=error.message)
        deed = Deed("sign-in.failed", detail={"reason": error.message[:300]})
        await self._door.audit.note_by(deed, "", "oidc", visitor_of(request).address)
        problem = "denied" if isinstance(error, ForbiddenError) else "failed"
        return RedirectResponse(f"/sign-in?problem={problem}", status_code=303)

    def _keep(self, response: Response, request: Request, flow: Flow) -> None:
        response.set_cookie(
            self._cookie(request),
            base64.urlsafe_b64encode(flow.model_dump_json().encode()).decode(),
            max_age=round(FLOW_LIFE.total_seconds()),
            secure=self._is_secure(request),
            httponly=True,
            samesite="lax",  # it must come along when the provider sends the browser back
        )

    def _cookie(self, request: Request) -> str:
        return f"__Host-{FLOW_COOKIE}" if self._is_secure(request) else FLOW_COOKIE

    def _is_secure(self, request: Request) -> bool:
        return is_secure(request, self._public_url)
