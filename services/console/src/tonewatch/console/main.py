"""The command `tonewatch-console`."""

from tonewatch.console.commands import add_commands
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared import runtime


def main() -> None:
    """Run the command line."""
    runtime.main(ConsoleService, ConsoleSettings, add_commands)


if __name__ == "__main__":
    main()
