"""The command `tonewatch-storage`."""

from tonewatch.shared import runtime
from tonewatch.storage.operations.cli import add_commands
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageSettings


def main() -> None:
    """Run the command line."""
    runtime.main(StorageService, StorageSettings, extend=add_commands)


if __name__ == "__main__":
    main()
