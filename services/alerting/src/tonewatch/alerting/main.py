"""Where the process begins."""

import gc

from tonewatch.alerting.cli import add_commands
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.shared import runtime


def main() -> None:
    """Run the command line."""
    # collections hold decisions up, and little here is garbage that refers to itself
    gc.set_threshold(20_000, 20, 100)
    runtime.main(AlertingService, AlertingSettings, add_commands)


if __name__ == "__main__":
    main()
