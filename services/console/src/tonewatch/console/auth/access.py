"""The one table of who may do what: each address and method, the permission, and the label limit.

What is not listed is not there. Pages, the event stream and /api/v1 are all in it; the gate asks it
for every request, the forward for how an answer is narrowed to somebody's labels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tonewatch.console.auth.permissions import Permission


class Narrow(StrEnum):
    """How somebody who is limited by labels is kept to what carries them."""

    NOTHING = "nothing"
    """It tells nothing of calls, or tells it narrowed by itself."""
    QUERY = "query"
    """A list that its owner narrows: the labels are added to the query."""
    ITEMS = "items"
    """A list that its owner cannot narrow, of items with labels: the others are left out."""
    SESSION = "session"
    """One session: its labels are looked up first."""
    ALERT = "alert"
    """One alert of the history: its labels are looked up first."""
    INBOX = "inbox"
    """One alert of the inbox: its labels are looked up first."""
    SOURCE = "source"
    """One source: its labels are looked up first."""
    DENIED = "denied"
    """It cannot be narrowed, so it is not for somebody who is limited."""


@dataclass(frozen=True, slots=True)
class Access:
    """What an address and a method ask for."""

    method: str
    path: str
    permission: Permission | None
    """None: open to everybody, signed in or not."""
    narrow: Narrow = Narrow.DENIED


def _rows(
    prefix: str, permission: Permission | None, narrow: Narrow, *addresses: str
) -> Iterator[Access]:
    """Rows of one permission: `GET /path`, or `GET` alone for the prefix itself."""
    for address in addresses:
        method, _, path = address.partition(" ")
        yield Access(method, prefix + path, permission, narrow)


API: Final = "/api/v1"

_OPEN: Final = (
    *_rows("", None, Narrow.NOTHING, "GET /sign-in", "GET /welcome", "GET /static/**"),
    *_rows("", None, Narrow.NOTHING, "GET /health", "POST /health", "GET /ready", "GET /metrics"),
    *_rows(f"{API}/auth", None, Narrow.NOTHING, "POST /sign-in", "POST /sign-out"),
    *_rows(f"{API}/auth", None, Narrow.NOTHING, "POST /welcome", "POST /link"),
    *_rows(f"{API}/auth/oidc", None, Narrow.NOTHING, "GET /start", "GET /callback"),
)

_SELF: Final = (
    *_rows("", Permission.SELF_WRITE, Narrow.NOTHING, "GET /account"),
    *_rows(f"{API}/auth", Permission.SELF_READ, Narrow.NOTHING, "GET /me"),
    *_rows(f"{API}/auth", Permission.SELF_WRITE, Narrow.NOTHING, "PUT /password"),
    *_rows(f"{API}/auth/sessions", Permission.SELF_WRITE, Narrow.NOTHING, "GET", "DELETE /{id}"),
    *_rows(f"{API}/keys", Permission.SELF_WRITE, Narrow.NOTHING, "GET", "POST", "DELETE /{id}"),
)

_ADMIN: Final = (
    *_rows("", Permission.USERS_WRITE, Narrow.DENIED, "GET /users"),
    *_rows(f"{API}/users", Permission.USERS_WRITE, Narrow.DENIED, "GET", "POST", "PATCH /{id}"),
    *_rows(
        f"{API}/users", Permission.USERS_WRITE, Narrow.DENIED, "DELETE /{id}", "POST /{id}/link"
    ),
    *_rows(f"{API}/auth/audit", Permission.AUDIT_READ, Narrow.DENIED, "GET"),
    *_rows(f"{API}/audit", Permission.AUDIT_READ, Narrow.DENIED, "GET"),
)

_PAGES: Final = (
    *_rows("", Permission.LIVE_READ, Narrow.NOTHING, "GET /", "GET /samples/{name}"),
    *_rows("", Permission.ALERTS_READ, Narrow.NOTHING, "GET /alerts"),
    *_rows("", Permission.HISTORY_READ, Narrow.NOTHING, "GET /history", "GET /calls/{id}"),
    *_rows("", Permission.RULES_READ, Narrow.DENIED, "GET /rules"),
    *_rows("", Permission.SOURCES_READ, Narrow.NOTHING, "GET /sources"),
    *_rows("", Permission.WEBHOOKS_READ, Narrow.DENIED, "GET /webhooks"),
    *_rows("", Permission.SYSTEM_READ, Narrow.DENIED, "GET /system"),
)

_LIVE: Final = (
    *_rows(API, Permission.LIVE_READ, Narrow.NOTHING, "GET /live", "GET /events", "GET /engine"),
    *_rows(API, Permission.SYSTEM_READ, Narrow.NOTHING, "GET /system", "GET /openapi.json"),
)

_SYSTEM: Final = (
    *_rows(f"{API}/system", Permission.SYSTEM_READ, Narrow.DENIED, "GET /figures"),
    *_rows(f"{API}/system", Permission.SYSTEM_BUNDLE, Narrow.DENIED, "GET /bundle"),
)

_HISTORY: Final = (
    *_rows(
        API, Permission.HISTORY_READ, Narrow.QUERY, "GET /sessions", "GET /records", "GET /segments"
    ),
    *_rows(API, Permission.HISTORY_READ, Narrow.QUERY, "GET /utterances"),
    *_rows(
        f"{API}/sessions/{{id}}", Permission.HISTORY_READ, Narrow.SESSION, "GET", "GET /timeline"
    ),
    *_rows(f"{API}/sessions/{{id}}", Permission.HISTORY_READ, Narrow.SESSION, "GET /segments"),
    *_rows(f"{API}/sessions/{{id}}", Permission.HISTORY_READ, Narrow.DENIED, "GET /similar"),
    *_rows(f"{API}/sessions/{{id}}", Permission.EXPORT_READ, Narrow.SESSION, "GET /embeddings"),
    *_rows(f"{API}/sessions/{{id}}", Permission.AUDIO_LISTEN, Narrow.SESSION, "GET /audio"),
    *_rows(f"{API}/sessions/{{id}}", Permission.AUDIO_LISTEN, Narrow.SESSION, "GET /listening"),
    *_rows(API, Permission.HISTORY_READ, Narrow.DENIED, "GET /search", "POST /similar"),
    *_rows(f"{API}/stats", Permission.HISTORY_READ, Narrow.QUERY, "GET /emotions", "GET /agents"),
    *_rows(f"{API}/stats", Permission.HISTORY_READ, Narrow.QUERY, "GET /heatmap", "GET /trend"),
    *_rows(f"{API}/stats", Permission.ALERTS_READ, Narrow.QUERY, "GET /alerts"),
    *_rows(f"{API}/export", Permission.EXPORT_READ, Narrow.QUERY, "GET /records", "GET /segments"),
    *_rows(f"{API}/export", Permission.EXPORT_READ, Narrow.QUERY, "GET /alerts"),
    *_rows(f"{API}/retention", Permission.RETENTION_READ, Narrow.DENIED, "GET"),
    *_rows(f"{API}/holds", Permission.RETENTION_READ, Narrow.DENIED, "GET"),
    *_rows(f"{API}/holds", Permission.RETENTION_WRITE, Narrow.DENIED, "POST", "DELETE /{id}"),
    *_rows(f"{API}/erasures", Permission.RETENTION_READ, Narrow.DENIED, "GET"),
    *_rows(f"{API}/erasures", Permission.RETENTION_WRITE, Narrow.DENIED, "POST"),
)

_ALERTS: Final = (
    *_rows(f"{API}/alerts", Permission.ALERTS_READ, Narrow.QUERY, "GET"),
    *_rows(f"{API}/alerts/{{id}}", Permission.ALERTS_READ, Narrow.ALERT, "GET", "GET /clip"),
    *_rows(f"{API}/alerts/{{id}}", Permission.ALERTS_ACT, Narrow.ALERT, "PUT /verdict"),
    *_rows(f"{API}/inbox", Permission.ALERTS_READ, Narrow.ITEMS, "GET"),
    *_rows(f"{API}/inbox/{{id}}", Permission.ALERTS_READ, Narrow.INBOX, "GET"),
    *_rows(
        f"{API}/inbox/{{id}}",
        Permission.ALERTS_ACT,
        Narrow.INBOX,
        "POST /acknowledge",
        "POST /assign",
    ),
    *_rows(
        f"{API}/inbox/{{id}}", Permission.ALERTS_ACT, Narrow.INBOX, "POST /comment", "POST /close"
    ),
    *_rows(f"{API}/silences", Permission.SILENCES_READ, Narrow.DENIED, "GET", "GET /{id}"),
    *_rows(
        f"{API}/silences",
        Permission.SILENCES_WRITE,
        Narrow.DENIED,
        "POST",
        "PUT /{id}",
        "DELETE /{id}",
    ),
)

_RULES: Final = (
    *_rows(
        f"{API}/rules", Permission.RULES_READ, Narrow.DENIED, "GET", "GET /schema", "GET /precision"
    ),
    *_rows(
        f"{API}/rules", Permission.RULES_READ, Narrow.DENIED, "POST /validate", "POST /backtest"
    ),
    *_rows(f"{API}/rules", Permission.RULES_WRITE, Narrow.DENIED, "POST", "POST /reload"),
    *_rows(f"{API}/rules/{{name}}", Permission.RULES_READ, Narrow.DENIED, "GET", "GET /versions"),
    *_rows(
        f"{API}/rules/{{name}}", Permission.RULES_READ, Narrow.DENIED, "GET /diff", "GET /trace"
    ),
    *_rows(f"{API}/rules/{{name}}", Permission.RULES_WRITE, Narrow.DENIED, "PUT", "DELETE"),
    *_rows(
        f"{API}/rules/{{name}}",
        Permission.RULES_WRITE,
        Narrow.DENIED,
        "POST /enable",
        "POST /disable",
    ),
    *_rows(f"{API}/rules/{{name}}", Permission.CHANNELS_WRITE, Narrow.DENIED, "POST /test"),
    *_rows(
        f"{API}/rules/{{name}}",
        Permission.RULES_WRITE,
        Narrow.DENIED,
        "POST /versions/{version}/restore",
    ),
)

_RECEIVERS: Final = (
    *_rows(f"{API}/channels", Permission.CHANNELS_READ, Narrow.DENIED, "GET"),
    *_rows(f"{API}/channels", Permission.CHANNELS_WRITE, Narrow.DENIED, "POST /{name}/test"),
    *_rows(f"{API}/deliveries", Permission.DELIVERIES_READ, Narrow.DENIED, "GET", "GET /{id}"),
    *_rows(f"{API}/deliveries", Permission.DELIVERIES_WRITE, Narrow.DENIED, "POST /recover"),
    *_rows(f"{API}/deliveries", Permission.DELIVERIES_WRITE, Narrow.DENIED, "POST /{id}/resend"),
    *_rows(f"{API}/webhooks", Permission.WEBHOOKS_READ, Narrow.DENIED, "GET", "GET /{id}"),
    *_rows(f"{API}/webhooks", Permission.WEBHOOKS_WRITE, Narrow.DENIED, "POST", "PATCH /{id}"),
    *_rows(
        f"{API}/webhooks",
        Permission.WEBHOOKS_WRITE,
        Narrow.DENIED,
        "DELETE /{id}",
        "POST /{id}/test",
    ),
    *_rows(f"{API}/webhooks", Permission.WEBHOOKS_WRITE, Narrow.DENIED, "POST /{id}/rotate"),
)

_SOURCES: Final = (
    *_rows(
        f"{API}/audio",
        Permission.AUDIO_WRITE,
        Narrow.DENIED,
        "GET",
        "POST",
        "GET /{id}",
        "DELETE /{id}",
    ),
    *_rows(f"{API}/sources", Permission.SOURCES_READ, Narrow.ITEMS, "GET"),
    *_rows(f"{API}/sources", Permission.SOURCES_READ, Narrow.DENIED, "GET /events"),
    *_rows(f"{API}/sources/{{id}}", Permission.SOURCES_READ, Narrow.SOURCE, "GET", "GET /history"),
    *_rows(
        f"{API}/sources",
        Permission.SOURCES_WRITE,
        Narrow.DENIED,
        "POST",
        "PATCH /{id}",
        "DELETE /{id}",
    ),
    *_rows(f"{API}/sources", Permission.SOURCES_WRITE, Narrow.DENIED, "POST /{id}/rotate-key"),
    *_rows(f"{API}/sources-file", Permission.SOURCES_READ, Narrow.DENIED, "GET"),
    *_rows(f"{API}/sources-file", Permission.SOURCES_WRITE, Narrow.DENIED, "POST /reload"),
)

TABLE: Final = (
    *_OPEN,
    *_SELF,
    *_ADMIN,
    *_PAGES,
    *_LIVE,
    *_SYSTEM,
    *_HISTORY,
    *_ALERTS,
    *_RULES,
    *_RECEIVERS,
    *_SOURCES,
)


class _Node:
    """Addresses that begin alike: what follows by its next part, and what ends here."""

    __slots__ = ("below", "methods")

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.methods: dict[str, Access] = {}


def _tree() -> _Node:
    root = _Node()
    for access in TABLE:
        node = root
        for part in access.path.split("/")[1:]:
            node = node.below.setdefault("*" if part.startswith("{") else part, _Node())
        node.methods[access.method] = access
    return root


_ROOT: Final = _tree()


def methods_of(path: str) -> Mapping[str, Access]:
    """What is listed for an address, by method; nothing if the address is not listed.

    A literal part goes before a variable one, as in `/rules/schema` before `/rules/{name}`.
    """
    node = _ROOT
    for part in path.split("/")[1:]:
        if "**" in node.below:
            return node.below["**"].methods
        following = node.below.get(part)
        if following is None and part not in {"", ".", ".."}:
            following = node.below.get("*")
        if following is None:
            return {}
        node = following
    return node.methods
