"""The network in ONNX Runtime on the CPU, exact (fp32) or with 8-bit weights.

The file is exported by ourselves (FunASR's own export leaves out the head) and kept beside the
model, or in the models folder where the model's is read-only. Its name says of which weights and
which version of this code it is, so it is never taken for another.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from tonewatch.inference.engines._runner import Answers, Floats, Precision
from tonewatch.shared.errors import EngineError
from tonewatch.shared.logging import get_logger

EXPORT_VERSION: Final = 1
"""Raised when the exported graph changes."""

_OPSET: Final = 17
_OUTPUTS: Final = ("probabilities", "posteriors", "embeddings")

log = get_logger(__name__)


class OnnxRunner:
    """Runs batches in ONNX Runtime."""

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # lengths differ; patterns of each would pile up
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def run(self, batch: Floats) -> Answers:
        """Answers for normalised waveforms; see `Runner.run`."""
        from tonewatch.inference.engines._network import feature_count

        positions = np.arange(feature_count(batch.shape[1]), dtype=np.float32)
        inputs = {"waveforms": batch, "positions": positions}
        return Answers(*self._session.run(_OUTPUTS, inputs))


def cached(
    network: Any,
    precision: Precision,
    *,
    folders: tuple[Path, Path],
    revision: str,
    report: Callable[[str], None],
) -> Path:
    """The exported network: an earlier export, else a new one in the first writable folder.

    Raises:
        EngineError: neither folder can be written.
    """
    name = f"tonewatch-v{EXPORT_VERSION}-{revision}-{precision}.onnx"
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".tonewatch-export-") as work:
                report(
                    f"exporting the model for ONNX Runtime ({precision}); only at the first start"
                )
                made = _export(network, precision, Path(work))
                return Path(shutil.move(made, folder / name))
        except OSError as error:
            log.warning(
                "the exported model cannot be kept here", folder=str(folder), reason=str(error)
            )
    raise EngineError(
        f"the exported model can be written neither to {folders[0]} nor to {folders[1]}; make one"
        " writable (1 GB), or set backend to torch"
    )


def _export(network: Any, precision: Precision, work: Path) -> Path:
    import torch

    from tonewatch.inference.engines._network import WithBias

    exact = work / "fp32.onnx"
    example = (torch.zeros(2, 8_000), torch.arange(24, dtype=torch.float32))
    dynamic = {0: "batch"}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is deprecated
        torch.onnx.export(
            WithBias(network),
            example,
            str(exact),
            dynamo=False,
            opset_version=_OPSET,
            input_names=["waveforms", "positions"],
            output_names=list(_OUTPUTS),
            dynamic_axes={
                "waveforms": {0: "batch", 1: "samples"},
                "positions": {0: "features"},
                "probabilities": dynamic,
                "posteriors": {0: "batch", 1: "features"},
                "embeddings": dynamic,
            },
        )
    return exact if precision == "fp32" else _quantise(exact, work / "int8.onnx")


def _quantise(exact: Path, path: Path) -> Path:
    """8-bit weights of the matrix products, one scale for each channel; convolutions stay exact."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        str(exact),
        str(path),
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul"],
    )
    return path
