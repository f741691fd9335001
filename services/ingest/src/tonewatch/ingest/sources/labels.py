"""Labels that come with the audio: taken as far as the source permits."""

from collections.abc import Mapping
from typing import Final

from tonewatch.ingest.sources.model import Source
from tonewatch.ingest.sources.texts import is_plain

LABEL_CHARACTERS: Final = 256


def permitted_labels(source: Source, given: Mapping[str, str]) -> dict[str, str]:
    """The labels among those given that the source permits, cut to what a label may hold."""
    return {
        name: given[name][:LABEL_CHARACTERS]
        for name in source.permitted_labels
        if given.get(name) and is_plain(given[name])
    }
