"""Entry point of the `tonewatch-ingest` command."""

from tonewatch.ingest.service import IngestService
from tonewatch.ingest.settings import IngestSettings
from tonewatch.shared import runtime


def main() -> None:
    """Run the command line."""
    runtime.main(IngestService, IngestSettings)


if __name__ == "__main__":
    main()
