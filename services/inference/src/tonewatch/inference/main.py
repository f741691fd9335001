"""The command `tonewatch-inference`."""

from tonewatch.inference.preload import add_commands
from tonewatch.inference.service import InferenceService
from tonewatch.inference.settings import InferenceSettings
from tonewatch.shared import runtime


def main() -> None:
    """Run, check-config, healthcheck or preload."""
    runtime.main(InferenceService, InferenceSettings, add_commands)


if __name__ == "__main__":
    main()
