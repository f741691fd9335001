"""The network in torch, on a GPU or CPU, in the precision that was asked for."""

from collections import OrderedDict
from typing import Final

import torch
from torch import Tensor

from tonewatch.inference.engines._cuda_graphs import CudaGraphs
from tonewatch.inference.engines._network import Network, feature_count
from tonewatch.inference.engines._runner import Answers, Floats, Plan

_TYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_KEPT_LENGTHS: Final = 32
"""Attention biases that are kept; that of the longest window takes 0.15 GB."""


class TorchRunner:
    """Runs batches eagerly, and on a GPU the usual sizes as CUDA graphs."""

    def __init__(self, network: Network, plan: Plan) -> None:
        self._device = torch.device(plan.device)
        self._network = network.to(device=self._device, dtype=_TYPES[plan.precision]).eval()
        self._alibi: OrderedDict[int, Tensor] = OrderedDict()
        self._graphs = CudaGraphs(self._forward) if plan.device == "cuda" else None

    def run(self, batch: Floats) -> Answers:
        """Answers for normalised waveforms; see `Runner.run`."""
        try:
            with torch.inference_mode():
                waveforms = torch.from_numpy(batch).to(self._device, non_blocking=True)
                run = self._forward if self._graphs is None else self._graphs.run
                return Answers(*(each.float().cpu().numpy() for each in run(waveforms)))
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error

    def _forward(self, waveforms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        answers: tuple[Tensor, Tensor, Tensor] = self._network(
            waveforms, self._bias(waveforms.shape[1])
        )
        return answers

    def _bias(self, samples: int) -> Tensor:
        features = feature_count(samples)
        if features not in self._alibi:
            positions = torch.arange(features, dtype=torch.float32, device=self._device)
            self._alibi[features] = self._network.alibi(positions)
        self._alibi.move_to_end(features)
        while len(self._alibi) > _KEPT_LENGTHS:
            self._alibi.popitem(last=False)
        return self._alibi[features]
