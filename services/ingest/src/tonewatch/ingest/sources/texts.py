"""Texts that users give: a control character in one would break a log line, a CSV or PostgreSQL."""

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def is_plain(text: str) -> bool:
    """Whether it is one line of what can be read; an ideographic space can."""
    return _CONTROL.search(text) is None


def plain(text: str) -> str:
    """The text, if it is one line of what can be read.

    Raises:
        ValueError: it is not.
    """
    if not is_plain(text):
        raise ValueError("line breaks and other control characters are not allowed")
    return text


def plain_labels(labels: dict[str, str]) -> dict[str, str]:
    """The same for the names and values of labels.

    Raises:
        ValueError: one of them is not.
    """
    for text in (*labels, *labels.values()):
        plain(text)
    return labels


def as_plain(text: str) -> str:
    """The text with spaces in place of what may not be in it."""
    return _CONTROL.sub(" ", text).strip()


def plain_url(url: str) -> str:
    """The URL, if its secrets can be told from what stands around it, in a log or an answer.

    Raises:
        ValueError: a quote in it would end what is hidden.
    """
    if '"' in url or "'" in url:
        raise ValueError("write quotes as %22 and %27")
    return url
