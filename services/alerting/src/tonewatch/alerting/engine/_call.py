"""What a rule may know of a call beside its audio."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Call:
    """Source and labels of a session."""

    source_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


UNKNOWN_CALL: Final = Call()
