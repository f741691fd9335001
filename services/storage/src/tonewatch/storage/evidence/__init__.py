"""Evidence clips: the seconds of audio around an alert, for sources that ask for them.

The frames are still on their stream for a while after they were scored. A recorder without a
consumer group follows the alerts, waits for the seconds after each, reads the frames back, and
keeps them as FLAC: it takes nothing from anybody, and when it fails, nobody waits.
"""

from tonewatch.storage.evidence._ciphers import Cipher
from tonewatch.storage.evidence._clips import Clips
from tonewatch.storage.evidence._options import EvidenceOptions
from tonewatch.storage.evidence._places import Bucket, Folder, Place, place_of
from tonewatch.storage.evidence._recorder import Recorder

__all__ = [
    "Bucket",
    "Cipher",
    "Clips",
    "EvidenceOptions",
    "Folder",
    "Place",
    "Recorder",
    "place_of",
]
