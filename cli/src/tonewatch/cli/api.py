"""The console's public API, and its refusals in words that say what to do."""

from typing import Any, Final

from tonewatch.cli.account import Account
from tonewatch.cli.errors import CliError, RefusedError
from tonewatch.shared.http import AsyncClient, HTTPError, Response, TimeoutException

Json = dict[str, Any]

SECONDS: Final = 30.0
"""Longest silence of the console; its live stream says something every few seconds."""


class Api:
    """Requests with the account's key."""

    def __init__(self, account: Account) -> None:
        self._account = account
        # proxies and certificates as the environment says: people are not inside the suite
        self.client = AsyncClient(
            base_url=f"{account.url}/api/v1/",
            headers={"Authorization": f"Bearer {account.key.get_secret_value()}"},
            timeout=SECONDS,
        )

    @property
    def url(self) -> str:
        """The console's address."""
        return self._account.url

    async def close(self) -> None:
        """Release the connections."""
        await self.client.aclose()

    async def get(self, path: str, **query: Any) -> Json:
        """The answer to GET; `path` without /api/v1/, queries that are None are left out.

        Raises:
            CliError: the console cannot be reached, or refuses (`RefusedError`).
        """
        asked = {name: value for name, value in query.items() if value is not None}
        return json_of(await self.send("GET", path, params=asked))

    async def send(self, method: str, path: str, **parts: Any) -> Response:
        """One request, `parts` as httpx names them.

        Raises:
            CliError: the console cannot be reached, or refuses (`RefusedError`).
        """
        try:
            answer = await self.client.request(method, path, **parts)
        except HTTPError as error:
            raise self.unreachable(error) from error
        self.check(answer)
        return answer

    def check(self, answer: Response) -> None:
        """Refuse an answer that has no good news; its body must have been read.

        Raises:
            CliError: it is a redirect, or not from a console.
            RefusedError: the console refuses.
        """
        status = answer.status_code
        if answer.is_success:
            return
        if answer.has_redirect_location:
            raise CliError("error.moved", url=self.url, to=answer.headers["location"])
        try:
            body = answer.json()
            _, detail = body["error"], body["detail"]
        except (ValueError, KeyError, TypeError) as error:
            raise CliError("error.stranger", url=self.url, status=status) from error
        known = {401: "error.key", 403: "error.right"}
        raise RefusedError(known.get(status, "error.refused"), status, detail=detail)

    def unreachable(self, error: HTTPError) -> CliError:
        """The console did not answer."""
        if isinstance(error, TimeoutException):
            return CliError("error.slow", url=self.url, seconds=round(SECONDS))
        reason = str(error) or type(error).__name__
        return CliError("error.connection", url=self.url, reason=reason)


def json_of(answer: Response) -> Json:
    """The body of an answer that is a JSON object.

    Raises:
        CliError: it is none, so the answer is not a console's.
    """
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise CliError("error.stranger", url=answer.url, status=answer.status_code)
    return body
