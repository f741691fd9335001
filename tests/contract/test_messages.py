"""Every message has a golden example, which reads, writes and means the same for ever."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.support.messages import make_frame, make_score
from tonewatch.shared.broker import Entry, Outgoing
from tonewatch.shared.broker.codec import decode, encode
from tonewatch.shared.emotions import EMOTIONS, Emotion
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import Frame, Message, Score
from tonewatch.shared.streams import FRAMES, SCORES, STREAMS, Stream

GOLDEN = Path(__file__).parent / "golden"
CARRIED = [(stream, message) for stream in STREAMS for message in stream.messages]


@pytest.mark.parametrize(("stream", "message"), CARRIED, ids=str)
def test_the_golden_example_survives_the_wire(stream: Stream, message: type[Message]) -> None:
    text = (GOLDEN / f"{message.__name__.lower()}.json").read_text()
    fields = encode(Outgoing(stream, message.model_validate_json(text)))
    assert json.loads(fields["h"]) == json.loads(text)
    decoded = decode(stream, Entry("1-0", fields))
    assert type(decoded) is message
    assert decoded == message.model_validate_json(text)


def test_there_is_no_golden_example_of_an_unknown_message() -> None:
    names = {message.__name__.lower() for _, message in CARRIED}
    assert {path.stem for path in GOLDEN.glob("*.json")} == names


def test_the_reference_in_the_docs_is_current() -> None:
    script = Path(__file__).parents[2] / "scripts" / "message_reference.py"
    subprocess.run([sys.executable, str(script), "--check"], check=True)


def test_an_unknown_field_is_ignored_and_a_newer_version_refused() -> None:
    header = json.loads(make_frame().model_dump_json())
    newer = Entry("1-0", {"h": json.dumps(header | {"new": 1}).encode()})
    assert decode(FRAMES, newer) == make_frame()
    with pytest.raises(InvalidMessageError, match="v:"):
        decode(FRAMES, Entry("1-0", {"h": json.dumps(header | {"v": 2}).encode()}))


def test_a_frame_of_an_older_ingest_is_read() -> None:
    header = json.loads(make_frame().model_dump_json())
    del header["clipping"]
    assert decode(FRAMES, Entry("1-0", {"h": json.dumps(header).encode()})) == make_frame()


@pytest.mark.parametrize("header", [b"", b"{", b"[]", b'{"type": "frame"}', b"\xff\xfe"])
def test_garbage_is_an_invalid_message_not_a_crash(header: bytes) -> None:
    for stream in (FRAMES, SCORES):
        with pytest.raises(InvalidMessageError, match="1-0"):
            decode(stream, Entry("1-0", {"h": header}))


def test_binary_data_travels_beside_the_header_unchanged() -> None:
    pcm = bytes(range(256))
    fields = encode(Outgoing(FRAMES, make_frame(), {"pcm": pcm}))
    assert fields["pcm"] is pcm
    assert b"pcm" not in fields["h"]


def test_a_score_has_nine_probabilities_or_is_silence() -> None:
    assert make_score(0, "no_speech").probability(Emotion.ANGRY) == 0
    assert make_score(0, "angry", 0.8).probability(Emotion.ANGRY) == pytest.approx(0.8)
    with pytest.raises(ValidationError, match="9 values"):
        make_score(0, probabilities=(1.0,))
    with pytest.raises(ValidationError, match="no_speech"):
        make_score(0, "angry", probabilities=None)


def test_the_labels_are_those_of_the_model_in_its_order() -> None:
    assert [str(emotion) for emotion in EMOTIONS] == [
        "angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised", "unknown",
    ]  # fmt: skip


@pytest.mark.parametrize("session_id", ["", "a b", "x" * 200, "a\nb", "tw:{1}"])
def test_an_id_that_could_break_a_key_is_refused(session_id: str) -> None:
    with pytest.raises(ValidationError):
        make_frame(session_id=session_id)


def test_both_models_of_the_scores_stream_are_told_apart() -> None:
    entry = Entry("1-0", encode(Outgoing(SCORES, make_score())))
    assert isinstance(decode(SCORES, entry), Score)
    assert Frame not in SCORES.messages
