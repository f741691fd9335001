"""The training itself: a fixed number of epochs, no choice made on the way, repeatable by seed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from tonewatch.inference.engines.compact.features import MEL_BANDS, PITCH_BINS
from tonewatch.training.batches import Batch, Sampler
from tonewatch.training.network import CompactNetwork

LARGEST_GRADIENT = 2.0

UNPITCHED_SHARE = 0.1
"""How often a window's pitch is hidden altogether, as noise does."""


@dataclass(frozen=True)
class Plan:
    """How long and how hard to train."""

    seed: int = 1
    epochs: int = 28
    batches: int = 220
    batch_size: int = 32
    peak_rate: float = 2e-3
    label_smoothing: float = 0.05
    threads: int = 1


def train(sampler: Sampler, plan: Plan) -> CompactNetwork:
    """A trained network in evaluation mode."""
    torch.manual_seed(plan.seed)
    torch.set_num_threads(plan.threads)
    torch.use_deterministic_algorithms(mode=True)
    chance = np.random.default_rng(plan.seed)
    network = CompactNetwork()
    network.to(memory_format=torch.channels_last)  # twice as fast
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.peak_rate, weight_decay=2e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.peak_rate, total_steps=plan.epochs * plan.batches
    )
    network.train()
    for epoch in range(1, plan.epochs + 1):
        started = time.monotonic()
        batches = _tensors(sampler.epoch(plan.batches, plan.batch_size, chance), chance)
        loss = _learn(network, batches, optimiser, schedule, plan.label_smoothing)
        took = time.monotonic() - started
        print(f"epoch {epoch}/{plan.epochs}: loss {loss:.3f}, {took:.0f} s", flush=True)
    network.eval()
    return network


def _learn(
    network: CompactNetwork,
    batches: Iterator[tuple[Tensor, Tensor]],
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    label_smoothing: float,
) -> float:
    """One pass over the batches; the mean loss."""
    loss_of = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
    losses = []
    for inputs, labels in batches:
        optimiser.zero_grad()
        loss = loss_of(network(inputs), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def _tensors(
    batches: Iterator[Batch], chance: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    for batch in batches:
        _mask(batch.inputs, chance)
        yield torch.from_numpy(batch.inputs), torch.from_numpy(batch.labels)


def _mask(
    inputs: np.ndarray[tuple[int, ...], np.dtype[np.float32]], chance: np.random.Generator
) -> None:
    """Hides a stretch of time and of bands of each window in place (SpecAugment, Park 2019)."""
    for window in inputs:
        frames = len(window)
        start, length = chance.integers(frames), chance.integers(frames // 6 + 1)
        window[start : start + length] = window.mean(axis=0)
        band, width = chance.integers(MEL_BANDS), chance.integers(11)
        window[:, band : min(band + width, MEL_BANDS)] = window[:, :MEL_BANDS].mean()
        if chance.random() < UNPITCHED_SHARE:
            window[:, MEL_BANDS:] = chance.normal(0, 0.2, size=(frames, PITCH_BINS))
