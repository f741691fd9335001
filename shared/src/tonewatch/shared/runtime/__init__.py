"""The one service skeleton: start, health, drain, stop; HTTP, loops, signals and the command line.

A service subclasses `Service`, says what it opens, which loops it runs, which routes it serves and
what its readiness depends on; `main` gives it the subcommands `run`, `check-config` and
`healthcheck`.
"""

from tonewatch.shared.runtime._about import VERSION, about_of, scrubbed
from tonewatch.shared.runtime._app import build_app
from tonewatch.shared.runtime._cli import main
from tonewatch.shared.runtime._guard import error_response
from tonewatch.shared.runtime._health import Check, CheckResult, Health
from tonewatch.shared.runtime._loops import wait_for_stop
from tonewatch.shared.runtime._serve import run_service, serving
from tonewatch.shared.runtime._service import Loop, Service

__all__ = [
    "VERSION",
    "Check",
    "CheckResult",
    "Health",
    "Loop",
    "Service",
    "about_of",
    "build_app",
    "error_response",
    "main",
    "run_service",
    "scrubbed",
    "serving",
    "wait_for_stop",
]
