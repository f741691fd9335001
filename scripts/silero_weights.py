"""Write the weights of Silero VAD that ingest ships, from the ONNX file of its package.

pip download --no-deps silero-vad==6.2.3
unzip -j silero_vad-6.2.3-*.whl 'silero_vad/data/silero_vad_16k_sequence.onnx'
python scripts/silero_weights.py silero_vad_16k_sequence.onnx

Half precision: it moves a probability by at most 0.006 and one decision in 20,000, and halves the
file. The transform in front of the network is an ordinary windowed FFT and needs no weights.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

TARGET = Path(__file__).parents[1] / "services/ingest/src/tonewatch/ingest/audio/silero.npz"
HIDDEN = 128

Weights = dict[str, NDArray[np.float32]]


def main() -> None:
    """Convert."""
    graph = onnx.load(sys.argv[1]).graph
    stored: Weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    lstm = next(node for node in graph.node if node.op_type == "LSTM")
    inward, across, bias = (stored[name] for name in lstm.input[1:4])
    weights: Weights = {"output": stored["output.weight"], "output_bias": stored["output.bias"]}
    for layer in range(4):
        weights[f"conv{layer}"] = stored[f"encoder.{layer}.weight"]
        weights[f"conv{layer}_bias"] = stored[f"encoder.{layer}.bias"]
    weights["lstm_in"], weights["lstm_across"] = inward[0], across[0]
    weights["lstm_bias"] = bias[0, : 4 * HIDDEN] + bias[0, 4 * HIDDEN :]
    halved: dict[str, Any] = {name: value.astype(np.float16) for name, value in weights.items()}
    np.savez_compressed(TARGET, **halved)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
