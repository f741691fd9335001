"""Where the process begins."""

import gc

from tonewatch.alerting.cli import add_commands
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.shared import runtime


def main() -> None:
    """Run the command line."""
    # Full collections look at every object and hold decisions up by 0.1 s and more: leave out what
    # was imported, and look rarely, for little here is garbage that refers to itself.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    runtime.main(AlertingService, AlertingSettings, add_commands)


if __name__ == "__main__":
    main()
