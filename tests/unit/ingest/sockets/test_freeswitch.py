"""The decoder of mod_audio_stream."""

import pytest

from tonewatch.ingest.sockets.events import Audio, Started
from tonewatch.ingest.sockets.freeswitch import FreeswitchDecoder
from tonewatch.shared.errors import InvalidInputError

FORM = {"rate": "16000", "channels": "2"}


def test_audio_may_come_at_once_if_the_url_says_how() -> None:
    decoder = FreeswitchDecoder({**FORM, "key": "secret", "queue": "7"})
    started, audio = decoder.feed(b"\1\2")
    assert isinstance(started, Started)
    assert (started.channels, started.key, started.labels["queue"]) == (2, "secret", "7")
    assert audio == Audio(b"\1\2", 16_000)
    assert "secret" not in repr(started)


def test_metadata_completes_the_url_and_later_texts_are_for_others() -> None:
    decoder = FreeswitchDecoder({"rate": "8000"})
    (started,) = decoder.feed('{"key": "k", "channels": 1, "order": "A", "list": [], "yes": true}')
    assert isinstance(started, Started)
    assert started.labels == {"key": "k", "channels": "1", "order": "A", "rate": "8000"}
    assert list(decoder.feed("heartbeat")) == []
    assert list(decoder.feed(b"\1\2")) == [Audio(b"\1\2", 8000)]


@pytest.mark.parametrize(
    "query", [{}, {"rate": "8000"}, {"channels": "1"}, {**FORM, "rate": "16k"}, {"rate": "11025"}]
)
def test_the_form_of_the_audio_is_never_guessed(query: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError, match="rate=8000 or rate=16000"):
        list(FreeswitchDecoder(query).feed(b"\1\2"))


@pytest.mark.parametrize("text", ["hello", "[]", "", '{"channels": ' + "9" * 9999 + "}"])
def test_metadata_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        list(FreeswitchDecoder({"rate": "8000"}).feed(text))
