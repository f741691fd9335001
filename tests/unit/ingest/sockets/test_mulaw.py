"""Mu-law against values of G.711, and against an encoder written from its text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sockets import encode_mulaw
from tonewatch.ingest.sockets.mulaw import decode_mulaw


@pytest.mark.parametrize(
    ("coded", "linear"),
    [(0xFF, 0), (0x7F, 0), (0x80, 32_124), (0x00, -32_124), (0xFE, 8), (0x7E, -8), (0xEF, 132)],
)
def test_values_of_the_standard(coded: int, linear: int) -> None:
    assert int.from_bytes(decode_mulaw(bytes([coded])), "little", signed=True) == linear


@given(st.lists(st.integers(-32_635, 32_635), max_size=50))
def test_a_sample_comes_back_to_within_half_a_step(samples: list[int]) -> None:
    pcm = np.array(samples, dtype="<i2")
    back = np.frombuffer(decode_mulaw(encode_mulaw(pcm.tobytes())), dtype="<i2").astype(int)
    step = np.maximum(8, (np.abs(pcm.astype(int)) + 132) / 16)
    assert np.all(np.abs(back - pcm) <= step / 2 + 1)
