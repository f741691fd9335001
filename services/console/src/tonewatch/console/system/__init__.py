"""How the whole is: figures of every service, and a support bundle without secrets."""

from tonewatch.console.system._look import Look
from tonewatch.console.system._routes import system_router

__all__ = ["Look", "system_router"]
