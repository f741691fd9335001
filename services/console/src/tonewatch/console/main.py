"""The command `tonewatch-console`."""

from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared import runtime


def main() -> None:
    """Run, check the configuration of, or check the health of the console."""
    runtime.main(ConsoleService, ConsoleSettings)


if __name__ == "__main__":
    main()
