"""Who speaks on which channel of a source, and whose voice may be listened to."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.messages import Speaker


class Layout(StrEnum):
    """The speakers of a source's channels."""

    MIXED = "mixed"
    LEFT_CUSTOMER = "left=customer,right=agent"
    LEFT_AGENT = "left=agent,right=customer"


_CHANNELS: Final = {
    Layout.MIXED: (Speaker.MIXED,),
    Layout.LEFT_CUSTOMER: (Speaker.CUSTOMER, Speaker.AGENT),
    Layout.LEFT_AGENT: (Speaker.AGENT, Speaker.CUSTOMER),
}


@dataclass(frozen=True, slots=True)
class Voices:
    """The channels of a source, and the speakers among them that are not to be monitored.

    An operator may not be allowed to monitor employees' emotions: what an unmonitored speaker says
    leaves ingest in no form.
    """

    layout: Layout = Layout.MIXED
    unmonitored: frozenset[Speaker] = frozenset()

    @property
    def channels(self) -> tuple[Speaker, ...]:
        """The speaker of each channel, the left one first."""
        return _CHANNELS[self.layout]

    @property
    def monitored(self) -> tuple[Speaker, ...]:
        """Whose voices are published, one track each."""
        return tuple(speaker for speaker in self.channels if speaker not in self.unmonitored)

    def check(self) -> None:
        """Refuse a policy that cannot be kept or leaves nothing.

        Raises:
            InvalidInputError: it names a speaker without a channel, or nobody is left.
        """
        if strangers := self.unmonitored - set(self.channels):
            names = ", ".join(sorted(strangers))
            raise InvalidInputError(
                f"policy: {names} has no channel in the layout {self.layout.value}; mixed voices"
                " cannot be told apart, so set the layout first"
            )
        if not self.monitored:
            raise InvalidInputError("policy: at least one speaker must stay on")

    def split(self, pcm: bytes) -> Iterator[tuple[Speaker, bytes]]:
        """The monitored tracks of interleaved s16le PCM; a broken last sample is left out."""
        channels = self.channels
        if len(channels) == 1:
            yield channels[0], pcm
            return
        whole = len(pcm) - len(pcm) % (2 * len(channels))
        samples = np.frombuffer(pcm[:whole], dtype="<i2").reshape(-1, len(channels))
        for index, speaker in enumerate(channels):
            if speaker not in self.unmonitored:
                yield speaker, samples[:, index].tobytes()
