"""Where the process begins."""

from tonewatch.alerting.cli import add_commands
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.shared import runtime


def main() -> None:
    """Run the command line."""
    runtime.main(AlertingService, AlertingSettings, add_commands)


if __name__ == "__main__":
    main()
