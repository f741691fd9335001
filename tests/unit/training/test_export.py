"""What is trained is what runs: the numpy network agrees with the torch network it came from."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from tonewatch.inference.engines.compact import CompactEngine  # noqa: E402
from tonewatch.inference.engines.compact.features import FEATURES  # noqa: E402
from tonewatch.inference.engines.compact.network import NumpyNetwork  # noqa: E402
from tonewatch.training.export import to_arrays, write_weights  # noqa: E402
from tonewatch.training.network import CompactNetwork  # noqa: E402


def trained_a_little() -> CompactNetwork:
    torch.manual_seed(3)
    network = CompactNetwork()
    for _ in range(3):  # so that batch normalisation has statistics to fold
        network(3 * torch.randn(4, 80, FEATURES) + 1)
    network.eval()
    return network


@pytest.mark.parametrize("frames", [1, 2, 61, 186])
def test_the_exported_network_computes_what_was_trained(frames: int) -> None:
    network = trained_a_little()
    exported = NumpyNetwork(to_arrays(network))
    inputs = np.random.default_rng(1).standard_normal((frames, FEATURES)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(inputs[None]))[0].numpy()
    assert np.allclose(exported.pool(exported.trunk(inputs)).logits, expected, atol=1e-4)


def test_written_weights_load_into_the_engine(tmp_path: Path) -> None:
    file = tmp_path / "weights.npz"
    write_weights(to_arrays(trained_a_little()), {"model": "tonewatch-compact-test"}, file)
    engine = CompactEngine(file)
    engine.load()
    assert engine.model == "tonewatch-compact-test"
    with np.load(file) as stored:
        assert json.loads(str(stored["about"]))["classes"][0] == "angry"
