"""The command `tonewatch-inference`."""

from tonewatch.inference.service import InferenceService
from tonewatch.inference.settings import InferenceSettings
from tonewatch.shared import runtime


def main() -> None:
    """Run, check-config or healthcheck."""
    runtime.main(InferenceService, InferenceSettings)


if __name__ == "__main__":
    main()
