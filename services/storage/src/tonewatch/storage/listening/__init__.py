"""Listening in: the audio of a call that goes on, for those who may hear it.

Nothing is kept for it: the frames of a live call lie on their stream until they are scored and a
while longer, and a listener follows them there, from now on. Who listened to whom is in the audit
log.
"""

from tonewatch.storage.listening._listeners import Listeners
from tonewatch.storage.listening._options import ListeningOptions

__all__ = ["Listeners", "ListeningOptions"]
