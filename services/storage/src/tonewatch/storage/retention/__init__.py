"""What is removed, when, and what is not: ages, a ceiling in bytes, legal holds, erasure.

Everything goes in small batches, each a transaction of its own, so that the writer never waits for
more than one of them.
"""

from tonewatch.storage.retention._erasure import Erased, Eraser, Removal
from tonewatch.storage.retention._holds import active_holds, place_hold, release_hold
from tonewatch.storage.retention._labels import Label, label_of
from tonewatch.storage.retention._options import Kind, LabelRetention, RetentionOptions
from tonewatch.storage.retention._space import used_bytes
from tonewatch.storage.retention._sweep import Sweeper
from tonewatch.storage.retention._tables import is_held

__all__ = [
    "Erased",
    "Eraser",
    "Kind",
    "Label",
    "LabelRetention",
    "Removal",
    "RetentionOptions",
    "Sweeper",
    "active_holds",
    "is_held",
    "label_of",
    "place_hold",
    "release_hold",
    "used_bytes",
]
