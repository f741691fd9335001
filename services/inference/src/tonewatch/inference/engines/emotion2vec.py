"""emotion2vec+ (Ma et al., ACL 2024 Findings) through FunASR, with true batches.

FunASR's own `inference` runs clip by clip and answers one posterior per clip. Here windows of equal
length share a forward pass through the network it loaded, and the posterior of every 20 ms is kept.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tonewatch.inference.engines import _checkpoint, _funasr, _hub, _labels, _parity
from tonewatch.inference.engines._runner import Answers, Floats, Plan, Runner, plan
from tonewatch.inference.engines._steps import step_rows
from tonewatch.inference.engines.base import Waveform, WindowScore
from tonewatch.shared.errors import EngineError

LONGEST_SAMPLES: Final = 480_000
"""30 s; of a longer window the end is heard."""

_SAMPLES_AT_ONCE: Final = {"cpu": 4 * 48_000, "cuda": 64 * 48_000}
"""In one forward pass: the first convolution takes 7 KB a millisecond. A CPU gains nothing more."""

_TINY: Final = 1e-5
"""What torch's layer_norm adds to the variance, with which FunASR normalises a clip."""


class Emotion2vecEngine:
    """emotion2vec+ large, base or seed; from a hub id or a directory, on a GPU or CPU."""

    name = "emotion2vec"

    def __init__(
        self,
        model: str,
        *,
        models_dir: Path,
        hub: _hub.Hub = "ms",
        hub_revision: str = "",
        device: str = "auto",
        precision: str = "auto",
        backend: str = "auto",
        threads: int = 0,
        steps_per_second: int = 10,
        step_smoothing_ms: int = 200,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.model = model
        self.revision = ""
        self.device, self.precision, self.backend = device, precision, backend
        self.dimension = 0
        self.directory: Path | None = None
        self._models_dir = models_dir
        self._hub: _hub.Hub = hub
        self._hub_revision = hub_revision
        self._threads = threads
        self._steps_per_second = steps_per_second
        self._step_smoothing_ms = step_smoothing_ms
        self._report = report
        self._normalises = True
        self._runner: Runner | None = None

    def load(self) -> None:
        """Find or download the model, load it, and make sure that it is whole and computes right.

        Raises:
            EngineError: the model cannot be used; says what is wrong and what to do.
            UnavailableError: it has to be downloaded and the hub cannot be reached.
        """
        chosen = plan(_funasr.resolve_device(self.device), self.precision, self.backend)
        self.device, self.precision, self.backend = chosen
        directory = self.directory = self._directory()
        self._report("loading")
        columns = _labels.columns(_checkpoint.check_files(directory))
        self.revision = _checkpoint.revision(directory)
        stored = _checkpoint.read_state(directory)
        theirs = _funasr.load_model(directory, chosen.device, self._threads).model
        _checkpoint.check_loaded(theirs, stored, directory / _checkpoint.WEIGHTS)
        self._normalises = bool(theirs.cfg.normalize)
        network = self._own(theirs, columns)
        self.dimension = int(network.head.in_features)
        self._runner = self._make_runner(network, chosen, directory)
        self.score([np.zeros(LONGEST_SAMPLES // 10, dtype=np.float32)])  # the first call is slow

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        """One answer per window, in order; equal lengths share a forward pass."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, window in enumerate(windows):
            by_length[min(len(window), LONGEST_SAMPLES)].append(index)
        answers: dict[int, WindowScore] = {}
        for length, indexes in by_length.items():
            rows = max(1, _SAMPLES_AT_ONCE[self.device] // length)
            for start in range(0, len(indexes), rows):
                some = indexes[start : start + rows]
                batch = np.stack([windows[index][-length:] for index in some])
                answers.update(zip(some, self._answer(batch), strict=True))
        return [answers[index] for index in range(len(windows))]

    def close(self) -> None:
        """Release the model's memory."""
        self._runner = None

    def gpu_memory_bytes(self) -> int:
        """What torch holds on the GPU; 0 on a CPU."""
        if self.device != "cuda":
            return 0
        import torch

        return int(torch.cuda.memory_reserved())

    def _directory(self) -> Path:
        if not _hub.is_path(self.model):
            return _hub.download(
                self.model, self._hub, self._models_dir, self._report, self._hub_revision
            )
        directory = Path(self.model).expanduser()
        if not directory.is_dir():
            raise EngineError(
                f"there is no model directory {directory}; check the path, or give a hub id such"
                " as iic/emotion2vec_plus_large"
            )
        return directory

    @staticmethod
    def _own(theirs: Any, columns: Sequence[int]) -> Any:
        from tonewatch.inference.engines._network import Network, is_known

        if not is_known(theirs):
            raise EngineError(
                "config.yaml describes a variant of emotion2vec that Tonewatch does not compute;"
                " use iic/emotion2vec_plus_large, _base or _seed"
            )
        network = Network(theirs, columns).eval()
        _parity.check_forward(theirs, network, columns)
        return network

    def _make_runner(self, network: Any, chosen: Plan, directory: Path) -> Runner:
        from tonewatch.inference.engines._torch_runner import TorchRunner

        if chosen.backend == "onnx":
            exported = _parity.exported(
                network,
                chosen,
                folders=(directory, self._models_dir / "onnx"),
                revision=self.revision,
                threads=self._threads,
                report=self._report,
            )
            if exported is not None:
                return exported
            self.backend = "torch"
        return TorchRunner(network, chosen)

    def _answer(self, batch: Floats) -> list[WindowScore]:
        """Score windows of one length, shape (windows, samples); half as many at once if need be.

        Raises:
            EngineError: not even one window fits into the GPU's memory.
        """
        if self._runner is None:
            raise EngineError("the engine was asked for a score before it was loaded")
        try:
            answers = self._runner.run(normalised(batch) if self._normalises else batch)
        except MemoryError as error:
            if len(batch) == 1:
                seconds = batch.shape[1] / 16_000
                raise EngineError(
                    f"the GPU has no memory for a window of {seconds:.0f} s: {error}"
                ) from error
            half = len(batch) // 2
            return self._answer(batch[:half]) + self._answer(batch[half:])
        return self._scores(answers, batch.shape[1])

    def _scores(self, answers: Answers, samples: int) -> list[WindowScore]:
        return [
            WindowScore(
                probabilities,
                step_rows(
                    posteriors,
                    samples=samples,
                    per_second=self._steps_per_second,
                    smoothing_ms=self._step_smoothing_ms,
                ),
                embedding,
            )
            for probabilities, posteriors, embedding in zip(*answers, strict=True)
        ]


def normalised(batch: Floats) -> Floats:
    """Each row with mean 0 and variance 1 over all of its samples, as FunASR normalises a clip."""
    centred = batch - batch.mean(axis=1, keepdims=True, dtype=np.float64)
    deviation = np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + _TINY)
    return np.asarray(centred / deviation, dtype=np.float32)
