"""Named readiness checks: can the service do its work now, and if not, which part says no."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import BaseModel

from tonewatch.shared.errors import TonewatchError

Check = Callable[[], Awaitable[str]]
"""Returns a word on how it is when all is well; raises when it is not."""

CHECK_SECONDS: Final = 3.0


class CheckResult(BaseModel):
    """What one check said."""

    ok: bool
    detail: str


class Health:
    """The checks of one service."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Register a check; the name is shown in /ready."""
        self._checks[name] = check

    async def run(self) -> dict[str, CheckResult]:
        """All checks at once, each bounded in time."""
        names = list(self._checks)
        results = await asyncio.gather(*(self._run_one(self._checks[name]) for name in names))
        return dict(zip(names, results, strict=True))

    @staticmethod
    async def _run_one(check: Check) -> CheckResult:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return CheckResult(ok=True, detail=await check())
        except TimeoutError:
            return CheckResult(ok=False, detail=f"no answer within {CHECK_SECONDS:g} s")
        except TonewatchError as error:
            return CheckResult(ok=False, detail=error.message)
        except Exception as error:  # noqa: BLE001 - a check that breaks is a check that fails
            return CheckResult(ok=False, detail=f"{type(error).__name__}: {error}")
