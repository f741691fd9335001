"""The rules in force, compiled once for each time they change."""

from collections.abc import Callable

from tonewatch.alerting.engine import CompiledRules, compile_rules
from tonewatch.alerting.rules import LoadedRules


class RulesInForce:
    """Call it for the compiled rules."""

    def __init__(self, loaded: Callable[[], LoadedRules]) -> None:
        self._loaded = loaded
        self._compiled: tuple[LoadedRules, CompiledRules] | None = None

    def __call__(self) -> CompiledRules:
        """The rules of this moment."""
        loaded = self._loaded()
        if self._compiled is None or self._compiled[0] is not loaded:
            self._compiled = (loaded, compile_rules(loaded.rules))
        return self._compiled[1]
