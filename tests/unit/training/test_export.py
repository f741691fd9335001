"""What is trained is what runs, and what runs can be read back to be trained further."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from tonewatch.inference.engines.compact import CompactEngine, features  # noqa: E402
from tonewatch.inference.engines.compact.ear import Ear, loud_positions, pooling  # noqa: E402
from tonewatch.shared.emotions import EMOTIONS  # noqa: E402
from tonewatch.shared.errors import InvalidInputError  # noqa: E402
from tonewatch.training.export import read_head, temperature_of, write_weights  # noqa: E402
from tonewatch.training.main import SHIPPED  # noqa: E402
from tonewatch.training.network import Head  # noqa: E402
from tonewatch.training.vectors import pooled  # noqa: E402

TEMPERATURE = 1.5
ABOUT = {"model": "tonewatch-compact-test"}
EAR = SHIPPED / "ear.onnx"


@pytest.fixture(scope="module")
def head() -> Head:
    torch.manual_seed(3)
    made = Head()
    made.centre.copy_(torch.randn(len(made.centre)))
    made.scale.copy_(torch.rand(len(made.scale)) + 0.5)
    made.eval()
    return made


@pytest.fixture(scope="module")
def written(head: Head, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_weights(EAR, head, TEMPERATURE, ABOUT, folder)
    return folder


def noise(samples: int) -> features.FloatArray:
    return np.random.default_rng(1).standard_normal(samples).astype(np.float32)


@pytest.mark.parametrize("samples", [400, 16_000, 48_000])
def test_the_engine_computes_what_was_trained(head: Head, written: Path, samples: int) -> None:
    engine = CompactEngine(written)
    engine.load()
    frames = features.analyse(noise(samples))
    loud = loud_positions(frames)
    rows = pooled(Ear(EAR.read_bytes()).hear(frames), pooling(loud, [(0, len(loud))]))
    with torch.no_grad():
        logits, embedding = head(torch.from_numpy(rows))
    expected = torch.softmax(logits[0] / TEMPERATURE, dim=0).numpy()
    (answer,) = engine.score([noise(samples)])
    assert np.allclose(answer.probabilities, expected, atol=1e-4)
    assert answer.embedding is not None
    assert np.allclose(answer.embedding, embedding[0].numpy(), atol=1e-3)


def test_the_card_says_what_the_weights_are(written: Path) -> None:
    card = json.loads((written / "about.json").read_text(encoding="utf-8"))
    assert card["labels"] == list(EMOTIONS)
    assert card["model"] == "tonewatch-compact-test"
    assert temperature_of(written) == TEMPERATURE


def test_weights_are_read_back_as_they_were(head: Head, written: Path) -> None:
    state, wanted = read_head(written), head.state_dict()
    assert state.keys() == wanted.keys()
    assert all(torch.equal(state[name], wanted[name]) for name in wanted)


def test_weights_can_be_written_over_themselves(head: Head, written: Path) -> None:
    before = (written / "ear.onnx").read_bytes()
    write_weights(written / "ear.onnx", head, TEMPERATURE, ABOUT, written)
    assert (written / "ear.onnx").read_bytes() == before


def test_what_is_no_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"head\.onnx"):
        read_head(tmp_path)
    (tmp_path / "head.onnx").write_bytes(b"not a model")
    with pytest.raises(InvalidInputError, match=r"head\.onnx"):
        read_head(tmp_path)
    (tmp_path / "head.onnx").write_bytes(EAR.read_bytes())
    with pytest.raises(InvalidInputError, match="another head"):
        read_head(tmp_path)
