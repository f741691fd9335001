"""Why a change is not made."""

from typing import ClassVar

from tonewatch.alerting.rules.stored._model import StoredRule
from tonewatch.shared.errors import TonewatchError


class RuleChangedError(TonewatchError):
    """Somebody has changed the rule since it was looked at; `current` is how it stands."""

    status_code: ClassVar[int] = 412

    def __init__(self, current: StoredRule) -> None:
        self.current = current
        super().__init__(
            f'"{current.name}" was {current.action} by {current.author} meanwhile and stands at '
            f"version {current.version}; look at that, then send the change with "
            f'If-Match: "{current.version}"'
        )


class BlindChangeError(TonewatchError):
    """A rule is replaced without saying which version was looked at."""

    status_code: ClassVar[int] = 428

    def __init__(self, current: StoredRule) -> None:
        super().__init__(
            f'"{current.name}" exists (version {current.version}): send If-Match with the ETag of '
            "the version you looked at, so that nobody's change is lost, or If-Match: * to replace "
            "whatever there is"
        )
