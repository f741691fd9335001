"""Ways past the console's sign-in for tests: a cookie or an API key, from its database."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tonewatch.console.auth import Door, Role
from tonewatch.console.auth.cookies import COOKIE
from tonewatch.console.auth.keys import KeyWish
from tonewatch.console.auth.sessions import Visitor
from tonewatch.console.commands import OPERATOR
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.http import AsyncClient
from tonewatch.shared.ids import new_id

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class SignedIn:
    """Somebody who is signed in."""

    name: str
    account_id: str
    session_id: str
    token: str = field(repr=False)

    @property
    def cookies(self) -> dict[str, str]:
        """For an HTTP client."""
        return {COOKIE: self.token}

    @property
    def headers(self) -> dict[str, str]:
        """What the browser of this person sends with every request of the console's own page."""
        return {"Cookie": f"{COOKIE}={self.token}", "Sec-Fetch-Site": "same-origin"}

    def enter(self, client: AsyncClient) -> None:
        """Have a client send all that, and keep further cookies as a browser does."""
        client.cookies.update(self.cookies)
        client.headers["Sec-Fetch-Site"] = "same-origin"

    def storage_state(self, url: str) -> dict[str, Any]:
        """For `browser.new_context(storage_state=...)` of Playwright."""
        cookie = {
            "name": COOKIE,
            "value": self.token,
            "domain": urlsplit(url).hostname,
            "path": "/",
            "expires": -1,
            "httpOnly": True,
            "secure": False,
            "sameSite": "Lax",
        }
        return {"cookies": [cookie], "origins": []}


@asynccontextmanager
async def opened_door(data_dir: Path, **console: Any) -> AsyncIterator[Door]:
    """The database of the console that has this data folder, whether it runs or not."""
    settings = ConsoleSettings.model_validate({"data_dir": data_dir, "console": console})
    door = Door(settings)
    await door.database.prepare()
    try:
        yield door
    finally:
        await door.database.close()


async def sign_in(
    door: Door,
    role: str = "admin",
    labels: Mapping[str, str] | None = None,
    *,
    name: str = "",
    password: str | None = None,
) -> SignedIn:
    """Make an account and a session of it; with a password only if one is named (it takes time)."""
    hashed = None if password is None else await door.passwords.hash(password)
    name = name or f"{role}-{new_id()[-8:]}"
    account = await door.accounts.add(name, Role(role), labels or {}, hashed)
    token, session = await door.sessions.open(account, Visitor("127.0.0.1", "tests"))
    return SignedIn(name, account.id, session.id, token)


async def api_key(
    door: Door, *scopes: str, labels: Mapping[str, str] | None = None, name: str = "test"
) -> str:
    """A new API key; without scopes it may do everything."""
    shown, _ = await door.keys.add(KeyWish(name, scopes or ("*",), labels or {}), OPERATOR)
    return shown


async def api_key_of(data_dir: Path, *scopes: str) -> str:
    """A new API key of the console that has this data folder."""
    async with opened_door(data_dir) as door:
        return await api_key(door, *scopes)


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}
