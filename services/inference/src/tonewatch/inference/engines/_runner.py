"""What runs the network: torch on a GPU or CPU, or ONNX Runtime on the CPU; and which it is."""

from importlib.util import find_spec
from typing import Final, Literal, NamedTuple, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from tonewatch.shared.errors import EngineError

Precision = Literal["fp32", "bf16", "fp16", "int8"]
Backend = Literal["torch", "onnx"]
Floats = NDArray[np.float32]

_ONNX_PACKAGES: Final = ("onnxruntime", "onnx")


class Answers(NamedTuple):
    """What the network says of a batch; see `Network.forward`."""

    probabilities: Floats  # (batch, 9)
    posteriors: Floats  # (batch, features, 9)
    embeddings: Floats  # (batch, dimension)


class Runner(Protocol):
    """Runs batches of windows of one length."""

    def run(self, batch: Floats) -> Answers:
        """Answers for normalised waveforms of shape (batch, samples).

        Raises:
            MemoryError: the GPU has not enough memory for so many at once.
        """


class Plan(NamedTuple):
    """How the network is run."""

    device: str
    precision: Precision
    backend: Backend


def plan(device: str, precision: str, backend: str) -> Plan:
    """What the settings come to on a device ("cpu" or "cuda"); "auto" is exact and fast.

    Raises:
        EngineError: they do not go together, or a package is missing.
    """
    wanted: Precision = "fp32"
    for known in get_args(Precision):
        wanted = known if precision == known else wanted
    if device == "cuda":
        if wanted == "int8" or backend == "onnx":
            raise EngineError(
                "int8 and ONNX Runtime are for the CPU; on a GPU set precision to fp32, bf16 or"
                " fp16, and backend to torch or auto"
            )
        return Plan(device, wanted, "torch")
    if wanted == "fp16":
        raise EngineError("fp16 needs a GPU; on a CPU set precision to fp32, bf16 or int8")
    if wanted == "bf16":
        if backend == "onnx":
            raise EngineError("bf16 on a CPU runs in torch; set backend to torch or auto")
        return Plan(device, wanted, "torch")
    return _plan_exact_or_int8(device, wanted, backend)


def _plan_exact_or_int8(device: str, precision: Precision, backend: str) -> Plan:
    missing = [name for name in _ONNX_PACKAGES if find_spec(name) is None]
    if precision == "int8" and backend == "torch":
        raise EngineError("int8 runs in ONNX Runtime; set backend to onnx or auto")
    if missing and (backend == "onnx" or precision == "int8"):
        raise EngineError(
            f"{' and '.join(missing)} is not installed: pip install 'tonewatch-inference"
            "[emotion2vec]', or set precision to fp32 and backend to torch"
        )
    if backend == "torch" or missing:
        return Plan(device, precision, "torch")
    return Plan(device, precision, "onnx")
