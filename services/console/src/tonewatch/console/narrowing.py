"""How an answer is kept to what carries somebody's labels, whoever owns it.

A list that its owner can narrow gets the labels as a filter; what has an id is looked up first; of
a list that its owner cannot narrow the other items are left out. All else the gate has refused.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from tonewatch.console.auth.access import Narrow
from tonewatch.console.auth.principal import Principal
from tonewatch.console.upstreams import Upstream, Upstreams
from tonewatch.shared.errors import ForbiddenError, NotFoundError, UnavailableError
from tonewatch.shared.http import HTTPError

LOOKED_UP: Final[Mapping[Narrow, tuple[Upstream, str, str]]] = {
    Narrow.SESSION: ("storage", "sessions", "session"),
    Narrow.ALERT: ("storage", "alerts", "alert"),
    Narrow.INBOX: ("alerting", "alerts", "alert"),
    Narrow.SOURCE: ("ingest", "sources", "source"),
}
"""Who knows the labels of what an address is about: the owner, its name there, and our word."""

OWN_PARAMETERS: Final = frozenset({"agent_id", "queue"})
"""Labels for which lists have a parameter of their own."""

MOST_PAGES: Final = 20
"""Of a list that is narrowed here: so many are looked through before one is answered."""


def narrowed_query(query: str, principal: Principal) -> str:
    """A list's query with the labels of who asks.

    Raises:
        ForbiddenError: it asks for something else than they may see.
    """
    asked = parse_qsl(query, keep_blank_values=True)
    for name, value in principal.labels.items():
        if ":" in name:
            # a filter is written name:value, so this could mean another label
            raise ForbiddenError(f"the label {name} cannot limit a list; ask an admin for another")
        for parameter, wanted in asked:
            if _contradicts(parameter, wanted, name, value):
                raise ForbiddenError(f"you are limited to {name}={value}; ask for nothing else")
        asked.append(("label", f"{name}:{value}"))
    return urlencode(list(dict.fromkeys(asked)))


def _contradicts(parameter: str, wanted: str, name: str, value: str) -> bool:
    if parameter == "label":
        label, _, of_label = wanted.partition(":")
        return label == name and of_label != value
    return parameter == name and name in OWN_PARAMETERS and wanted != value


async def require_seen(
    upstreams: Upstreams, principal: Principal, narrow: Narrow, thing_id: str
) -> None:
    """Make sure that something carries the labels of who asks.

    Raises:
        NotFoundError: it does not, or there is none; which of both is not told.
        UnavailableError: its owner cannot tell.
    """
    owner, resource, word = LOOKED_UP[narrow]
    found = await _ask(upstreams, owner, f"/v1/{resource}/{quote(thing_id, safe='')}")
    if found is None or not principal.sees(_labels(found)):
        raise NotFoundError(f"there is no {word} {thing_id}")


async def seen_items(
    upstreams: Upstreams, principal: Principal, owner: Upstream, path: str, query: str
) -> dict[str, Any]:
    """A list without the items that do not carry the labels of who asks.

    Pages are asked for until one holds such an item, or there are no more.

    Raises:
        UnavailableError: its owner does not answer.
    """
    asked = parse_qsl(query, keep_blank_values=True)
    body: dict[str, Any] | None = None
    items: list[Any] = []
    for _ in range(MOST_PAGES):
        body = await _ask(upstreams, owner, f"{path}?{urlencode(asked)}")
        if body is None:
            raise NotFoundError(f"there is no {path}")
        items = [item for item in body["items"] if principal.sees(_labels(item))]
        following = body.get("next_cursor")
        if items or following is None:
            break
        asked = [*(pair for pair in asked if pair[0] != "cursor"), ("cursor", following)]
    return {**(body or {}), "items": items}


def _labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    labels = item.get("labels")
    return labels if isinstance(labels, dict) else {}


async def _ask(upstreams: Upstreams, owner: Upstream, path: str) -> dict[str, Any] | None:
    try:
        answer = await upstreams.requests.get(upstreams.url(owner, path))
        body = answer.json()
    except (HTTPError, ValueError) as error:
        raise UnavailableError(f"the service {owner} does not answer; try again") from error
    if answer.status_code in {400, 404, 422}:
        return None
    if not answer.is_success or not isinstance(body, dict):
        raise UnavailableError(f"the service {owner} does not answer as it should; try again")
    return body
