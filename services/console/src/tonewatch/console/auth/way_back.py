"""Where somebody goes after signing in: back to a page of the console, never to another site."""

import re
from typing import Final

HOME: Final = "/"
LONGEST: Final = 2048

# browsers take a backslash for a slash and drop tabs and line ends, so neither may be in it
_LOCAL: Final = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_NOT_BACK_TO: Final = re.compile(r"/(sign-in|welcome|api|static)(?![^/?#])")


def way_back(wish: str | None) -> str:
    """The wished path if it is a page of ours, else the first page."""
    if not wish or len(wish) > LONGEST or not _LOCAL.fullmatch(wish) or _NOT_BACK_TO.match(wish):
        return HOME
    return wish
