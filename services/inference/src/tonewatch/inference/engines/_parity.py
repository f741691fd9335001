"""At every start: does our network answer as FunASR's does, and the exported one as ours?

It takes a second, and finds what no look at files finds: a cached export that is damaged, a library
whose new version computes something else.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tonewatch.inference.engines import _onnx
from tonewatch.inference.engines._onnx import OnnxRunner
from tonewatch.inference.engines._runner import Floats, Plan
from tonewatch.shared.errors import EngineError
from tonewatch.shared.logging import get_logger

EXACT: Final = 1e-4
"""Largest difference of a probability where both compute in float32."""
ROUNDED: Final = {"fp32": EXACT, "int8": 0.1}
_LENGTHS: Final = (4_000, 16_000)

log = get_logger(__name__)


def check_forward(theirs: Any, network: Any, columns: Sequence[int]) -> None:
    """Compare our forward pass with FunASR's, in float32 on the device where both lie.

    Raises:
        EngineError: they differ.
    """
    import torch

    for noise in _noise():
        with torch.inference_mode():
            waveforms = torch.from_numpy(noise).to(network.slopes.device)
            features = theirs.extract_features(waveforms, padding_mask=None)["x"]
            logits = theirs.proj(features.mean(dim=1))[:, list(columns)]
            positions = torch.arange(features.shape[1], device=waveforms.device).float()
            found = network(waveforms, network.alibi(positions))[0]
        difference = float((found - logits.softmax(dim=-1)).abs().max())
        if not difference <= EXACT:
            raise EngineError(
                f"Tonewatch's forward pass differs from FunASR's by {difference:.2g} for this"
                " model; use the versions of funasr and torch that constraints.txt names"
            )


def exported(
    network: Any,
    plan: Plan,
    *,
    folders: tuple[Path, Path],
    revision: str,
    threads: int,
    report: Callable[[str], None],
) -> OnnxRunner | None:
    """The network in ONNX Runtime, exported if need be; None if it does not compute the same.

    Raises:
        EngineError: int8 was asked for, which only ONNX Runtime can do, and it does not work.
    """
    reason = ""
    for _ in range(2):
        path = _onnx.cached(
            network, plan.precision, folders=folders, revision=revision, report=report
        )
        try:
            runner = OnnxRunner(path, threads)
            difference = _difference(network, runner)
        except Exception as error:  # noqa: BLE001 - onnxruntime's own kinds, by what is damaged
            reason = str(error)
        else:
            if difference <= ROUNDED[plan.precision]:
                log.info("exported model checked", path=str(path), difference=round(difference, 7))
                return runner
            reason = f"its answers differ by {difference:.2g}"
        log.warning("the exported model is made anew", path=str(path), reason=reason)
        path.unlink(missing_ok=True)
    if plan.precision == "int8":
        raise EngineError(f"the model cannot be run with int8 weights: {reason}")
    log.warning("ONNX Runtime is not used; torch computes", reason=reason)
    return None


def _difference(network: Any, runner: OnnxRunner) -> float:
    import torch

    largest = 0.0
    for noise in _noise():
        answers = runner.run(noise)
        with torch.inference_mode():
            positions = torch.arange(answers.posteriors.shape[1], dtype=torch.float32)
            expected = network(torch.from_numpy(noise), network.alibi(positions))[0].numpy()
        largest = max(largest, float(np.abs(answers.probabilities - expected).max()))
    return largest


def _noise() -> list[Floats]:
    """Two normalised batches of two rows."""
    made = np.random.default_rng(0)
    return [made.standard_normal((2, length), dtype=np.float32) for length in _LENGTHS]
