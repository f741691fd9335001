"""emotion2vec+ (Ma et al., ACL 2024 Findings) through FunASR, with true batches.

FunASR's own `inference` runs clip by clip and answers one posterior per clip. Here windows of equal
length share a forward pass through the model it loaded, and the posterior of every 20 ms is kept.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tonewatch.inference.engines import _checkpoint, _funasr, _hub, _labels
from tonewatch.inference.engines.base import Waveform, WindowScore
from tonewatch.shared.errors import EngineError

STEPS: Final = 10
"""Rows of the matrix inside the last second: 100 ms each, the mean of five features."""

LONGEST_SAMPLES: Final = 160_000
"""The ALiBi buffer grows with the longest window and batch, is kept, and never shrinks."""

ALIBI_BYTES: Final = 256 << 20
_FEATURES_PER_SECOND: Final = 50
_SAMPLES_PER_FEATURE: Final = 320
_HEADS: Final = 16


class Emotion2vecEngine:
    """emotion2vec+ large, base or seed; from a hub id or a directory, on a GPU or CPU."""

    name = "emotion2vec"

    def __init__(
        self,
        model: str,
        *,
        models_dir: Path,
        hub: _hub.Hub = "ms",
        device: str = "auto",
        threads: int = 0,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.model = model
        self.revision = ""
        self.device = device
        self._models_dir = models_dir
        self._hub: _hub.Hub = hub
        self._threads = threads
        self._report = report
        self._network: Any = None
        self._columns: tuple[int, ...] = ()
        self._unused: list[int] = []

    def load(self) -> None:
        """Find or download the model, load it, and make sure that it is whole.

        Raises:
            EngineError: the model cannot be used; says what is wrong and what to do.
            UnavailableError: it has to be downloaded and the hub cannot be reached.
        """
        directory = self._directory()
        self._report("loading")
        tokens = _checkpoint.check_files(directory)
        self._columns = _labels.columns(tokens)
        self._unused = [i for i, token in enumerate(tokens) if token.startswith(_labels.UNUSED)]
        self.device = _funasr.resolve_device(self.device)
        stored = _checkpoint.read_state(directory)
        network = _funasr.load_model(directory, self.device, self._threads).model
        _checkpoint.check_loaded(network, stored, directory / _checkpoint.WEIGHTS)
        network.modality_encoders["AUDIO"].decoder = None  # for pre-training only
        self._network = network
        self.revision = _checkpoint.revision(directory)
        self.score([np.zeros(LONGEST_SAMPLES // 5, dtype=np.float32)])  # the first call is slow

    def score(self, windows: Sequence[Waveform]) -> list[WindowScore]:
        """One answer per window, in order; equal lengths share a forward pass."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, window in enumerate(windows):
            by_length[min(len(window), LONGEST_SAMPLES)].append(index)
        answers: dict[int, WindowScore] = {}
        for length, indexes in by_length.items():
            rows = _rows_at_once(length)
            for start in range(0, len(indexes), rows):
                some = indexes[start : start + rows]
                batch = np.stack([windows[index][-length:] for index in some])
                answers.update(zip(some, self._forward(batch), strict=True))
        return [answers[index] for index in range(len(windows))]

    def close(self) -> None:
        """Release the model's memory."""
        self._network = None

    def _directory(self) -> Path:
        if not _hub.is_path(self.model):
            return _hub.download(self.model, self._hub, self._models_dir, self._report)
        directory = Path(self.model).expanduser()
        if not directory.is_dir():
            raise EngineError(
                f"there is no model directory {directory}; check the path, or give a hub id such"
                " as iic/emotion2vec_plus_large"
            )
        return directory

    def _forward(self, batch: NDArray[np.float32]) -> list[WindowScore]:
        """Score windows of one length, shape (windows, samples).

        The posterior of a window is that of its mean feature, as FunASR computes it; the posterior
        of a step comes from the features of its 100 ms alone.
        """
        import torch

        with torch.inference_mode():
            source = torch.from_numpy(batch).to(self.device)
            if self._network.cfg.normalize:
                # each row by itself: FunASR normalises a clip over all of its samples
                source = torch.nn.functional.layer_norm(source, source.shape[1:])
            features = self._network.extract_features(source, padding_mask=None)["x"]
            embeddings = features.mean(dim=1)
            posteriors = self._posterior(embeddings)
            fine = self._posterior(features[:, -_FEATURES_PER_SECOND:])
        return [
            WindowScore(posterior, _steps(row), embedding)
            for posterior, row, embedding in zip(
                _numpy(posteriors), _numpy(fine), _numpy(embeddings), strict=True
            )
        ]

    def _posterior(self, features: Any) -> Any:
        """Probabilities over the nine labels, in the order of `EMOTIONS`."""
        logits = self._network.proj(features)
        logits[..., self._unused] = -np.inf
        return logits.softmax(dim=-1)[..., list(self._columns)]


def _rows_at_once(samples: int) -> int:
    """How many windows of this length keep the ALiBi buffer (float32) below its bound."""
    features = samples // _SAMPLES_PER_FEATURE + 1
    return max(1, ALIBI_BYTES // (4 * _HEADS * features * features))


def _steps(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Posteriors of features (20 ms each) averaged into steps; fewer if there are few features."""
    parts = np.array_split(fine, min(STEPS, len(fine)))
    return np.stack([part.mean(axis=0) for part in parts])


def _numpy(tensor: Any) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array
