"""CUDA graphs of the usual batches: hundreds of kernels are started at once, not one by one.

A graph is of one shape. Batches are filled up to a power of two, and only a shape that has come
several times is captured. Every graph is compared with the plain forward pass before it is used; if
one fails or differs, there are no graphs any more.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from tonewatch.shared.logging import get_logger

AFTER_TIMES: Final = 5
MOST_GRAPHS: Final = 16
TOLERANCE: Final = 2e-2
"""Of probabilities; half precision may choose other kernels for a captured batch."""

Outputs = tuple[Tensor, Tensor, Tensor]

log = get_logger(__name__)


class _Graph(NamedTuple):
    graph: Any
    waveforms: Tensor
    outputs: Outputs


class CudaGraphs:
    """Runs `forward` on waveforms (batch, samples) that lie on the GPU."""

    def __init__(self, forward: Callable[[Tensor], Outputs]) -> None:
        self._forward = forward
        self._seen: Counter[tuple[int, int]] = Counter()
        self._graphs: OrderedDict[tuple[int, int], _Graph] = OrderedDict()
        self._are_used = True

    def run(self, waveforms: Tensor) -> Outputs:
        """As `forward`, from a graph where there is one."""
        rows, samples = waveforms.shape
        shape = (1 << (rows - 1).bit_length(), samples)
        if not self._are_used:
            return self._forward(waveforms)
        self._seen[shape] += 1
        if shape not in self._graphs:
            if self._seen[shape] < AFTER_TIMES or len(self._graphs) >= MOST_GRAPHS:
                return self._forward(waveforms)
            if not self._capture(shape, waveforms):
                return self._forward(waveforms)
        graph = self._graphs[shape]
        return self._replay(graph, waveforms)

    def _capture(self, shape: tuple[int, int], waveforms: Tensor) -> bool:
        try:
            captured = self._captured(shape, waveforms)
            expected, found = self._forward(waveforms), self._replay(captured, waveforms)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            return self._give_up(str(error))
        difference = float((expected[0] - found[0]).abs().max())
        if not difference <= TOLERANCE:
            return self._give_up(f"a graph's answer differs by {difference:.3g}")
        self._graphs[shape] = captured
        return True

    def _captured(self, shape: tuple[int, int], waveforms: Tensor) -> _Graph:
        static = torch.zeros(shape, dtype=waveforms.dtype, device=waveforms.device)
        self._forward(static)  # warms up: libraries allocate and choose kernels
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = self._forward(static)
        return _Graph(graph, static, outputs)

    def _give_up(self, reason: str) -> bool:
        log.warning("CUDA graphs are not used", reason=reason)
        self._are_used = False
        self._graphs.clear()
        return False

    @staticmethod
    def _replay(captured: _Graph, waveforms: Tensor) -> Outputs:
        rows = len(waveforms)
        captured.waveforms[:rows].copy_(waveforms)
        captured.graph.replay()
        # copies: the next replay overwrites the graph's own outputs
        probabilities, posteriors, embeddings = captured.outputs
        return probabilities[:rows].clone(), posteriors[:rows].clone(), embeddings[:rows].clone()
