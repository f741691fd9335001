"""The parts of sign-in put together, and the two questions they answer: who is it, may they in."""

from datetime import timedelta
from typing import Final

from starlette.requests import HTTPConnection

from tonewatch.console.auth.accounts import Accounts, folded
from tonewatch.console.auth.audit import Audit, Deed
from tonewatch.console.auth.cookies import session_token
from tonewatch.console.auth.keys import Keys
from tonewatch.console.auth.limiter import Limiter, Subject
from tonewatch.console.auth.links import Links
from tonewatch.console.auth.passwords import Passwords
from tonewatch.console.auth.principal import Principal
from tonewatch.console.auth.sessions import Sessions, Visitor
from tonewatch.console.auth.tables import AccountRow, SessionRow
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.clock import now_ms
from tonewatch.shared.database import Database, create_engine
from tonewatch.shared.errors import InvalidInputError, UnauthorizedError

ADDRESS_WAIT_SECONDS: Final = 900.0
ACCOUNT_WAIT_SECONDS: Final = 60.0
"""Short, or anybody could keep somebody out by guessing at their name."""

BEARER: Final = "bearer "

DATABASE: Final = "the console's database"
MIGRATIONS: Final = "tonewatch.console.auth:migrations"


class Door:
    """Accounts, sessions, keys, links and audit of one console, over its database."""

    def __init__(self, settings: ConsoleSettings) -> None:
        options = settings.console
        self.database = Database(
            create_engine(settings.database_url), name=DATABASE, migrations=MIGRATIONS
        )
        self.accounts = Accounts(self.database)
        self.sessions = Sessions(
            self.database,
            idle=timedelta(hours=options.session_idle_hours),
            longest=timedelta(days=options.session_days),
        )
        self.keys = Keys(self.database)
        self.links = Links(self.database)
        self.audit = Audit(self.database)
        self.passwords = Passwords()
        self.limiter = Limiter()
        self._audit_ms = round(timedelta(days=options.audit_days).total_seconds() * 1000)

    async def identify(self, connection: HTTPConnection) -> Principal | None:
        """Who shows a key or a cookie; a key goes first, and a wrong one is nobody."""
        shown = connection.headers.get("authorization", "")
        if shown[: len(BEARER)].lower() == BEARER:
            return await self.keys.find(shown[len(BEARER) :].strip())
        token = session_token(connection)
        return None if token is None else await self.sessions.find(token)

    async def is_still(self, principal: Principal) -> bool:
        """Whether somebody is still signed in, with the same permissions and labels."""
        if principal.via == "proxy":
            return True  # it vouched for the request; there is nothing to look up
        kept = self.keys if principal.via == "key" else self.sessions
        return await kept.again(principal.credential) == principal

    async def sign_in(self, name: str, password: str, visitor: Visitor) -> tuple[str, SessionRow]:
        """Open a session: the cookie's token and the session.

        Raises:
            UnauthorizedError: name or password is wrong; which of them is not told.
            TooManyAttemptsError: from this address or for this name it was tried too often.
        """
        account_subject = Subject(f"name {folded(name)}", ACCOUNT_WAIT_SECONDS)
        address_subject = address_of(visitor)
        self.limiter.attempt([account_subject, address_subject])
        account = await self.accounts.named(name)
        stored = None if account is None else account.password_hash
        if not await self.passwords.verify(password, stored) or account is None:
            await self._note("sign-in.failed", name, visitor)
            raise UnauthorizedError("name or password is wrong")
        self.limiter.clear(account_subject)
        self.limiter.forgive(address_subject)
        return await self.open(account, visitor, "sign-in")

    async def open(
        self, account: AccountRow, visitor: Visitor, action: str
    ) -> tuple[str, SessionRow]:
        """Open a session for an account that has shown what it had to."""
        opened = await self.sessions.open(account, visitor)
        await self._note(action, account.name, visitor)
        return opened

    async def check_password(self, account: AccountRow, password: str) -> None:
        """Have somebody who is signed in show their password, as often as one may sign in.

        Raises:
            InvalidInputError: it is wrong.
            TooManyAttemptsError: it was tried too often.
        """
        subject = Subject(f"own {account.id}", ACCOUNT_WAIT_SECONDS)
        self.limiter.attempt([subject])
        if not await self.passwords.verify(password, account.password_hash):
            raise InvalidInputError("current: this is not your password")
        self.limiter.clear(subject)

    async def forget_old(self) -> None:
        """Remove ended sessions and old entries of the audit log."""
        await self.sessions.forget_old()
        await self.audit.forget(now_ms() - self._audit_ms)

    async def _note(self, action: str, name: str, visitor: Visitor) -> None:
        await self.audit.note_by(Deed(action, name), name, "session", visitor.address)


def address_of(visitor: Visitor) -> Subject:
    """Whose attempts are counted together because they come from one address."""
    return Subject(f"address {visitor.address}", ADDRESS_WAIT_SECONDS)
