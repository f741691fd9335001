"""The training of a head: repeatable by seed, averaged over its last steps, never nonsense."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tonewatch.shared.errors import TonewatchError
from tonewatch.training.network import Head

LARGEST_GRADIENT: Final = 1.0

Watch = Callable[[int, Head], None]
"""Called with the number of the epoch and the averaged head after it."""


class TrainingError(TonewatchError):
    """Training can not go on."""


@dataclass(frozen=True)
class Plan:
    """How long and how hard to train."""

    seed: int = 1
    epochs: int = 6
    batch_size: int = 512
    rate: float = 1e-3
    weight_decay: float = 0.05
    dropout: float = 0.5
    label_smoothing: float = 0.1
    mixup: float = 0.4
    """Two vectors and their answers are mixed with a share of Beta(mixup, mixup) (Zhang 2018)."""
    averaging: float = 0.99
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Lessons:
    """Vectors (n, channels) of any float type, answers (n, 9), and how often each is drawn (n,)."""

    rows: NDArray[np.float16]
    answers: NDArray[np.float32]
    shares: NDArray[np.float64]


def train_head(
    lessons: Lessons,
    plan: Plan,
    start: Mapping[str, Tensor] | None = None,
    watch: Watch | None = None,
    *,
    epochs: int | None = None,
    last_layer_only: bool = False,
) -> Head:
    """A trained head, ready to be used: a moving average over its last steps.

    `epochs` ends it earlier than the plan, whose schedule it follows all the same. Without a start
    it begins from nothing and takes centre and scale from the lessons.

    Raises:
        TrainingError: the loss is no number any more; the batch is named.
    """
    torch.manual_seed(plan.seed)
    torch.set_num_threads(plan.threads)
    chance = np.random.default_rng(plan.seed)
    odds = lessons.shares / lessons.shares.sum()
    head = Head(plan.dropout)
    if start is None:
        sample = chance.choice(len(lessons.rows), size=20_000, p=odds)
        head.standardise(torch.from_numpy(lessons.rows[sample].astype(np.float32)))
    else:
        head.load_state_dict(dict(start))
    learning = head.classify.parameters() if last_layer_only else head.parameters()
    optimiser = torch.optim.AdamW(learning, lr=plan.rate, weight_decay=plan.weight_decay)
    steps = max(1, len(lessons.rows) // plan.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.rate, total_steps=plan.epochs * steps, pct_start=0.1
    )
    average = torch.optim.swa_utils.AveragedModel(
        head, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(plan.averaging)
    )
    for epoch in range(1, (epochs or plan.epochs) + 1):
        head.train()
        drawn = chance.choice(len(lessons.rows), size=(steps, plan.batch_size), p=odds)
        for batch, numbers in enumerate(drawn):
            loss = _loss(head, lessons, numbers, plan, chance)
            if not torch.isfinite(loss):
                raise TrainingError(f"epoch {epoch}, batch {batch}: the loss is {loss.item()}")
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(head.parameters(), LARGEST_GRADIENT)
            optimiser.step()
            schedule.step()
            average.update_parameters(head)
        if watch is not None:
            watch(epoch, _ready(average))
    return _ready(average)


def logits_of(head: Head, rows: NDArray[np.float16]) -> NDArray[np.float32]:
    """What a head says of vectors (n, channels): (n, 9)."""
    with torch.no_grad():
        parts = [head(torch.from_numpy(part.astype(np.float32)))[0] for part in _parts(rows)]
    found: NDArray[np.float32] = torch.cat(parts).numpy()
    return found


def _loss(
    head: Head,
    lessons: Lessons,
    numbers: NDArray[np.int64],
    plan: Plan,
    chance: np.random.Generator,
) -> Tensor:
    rows = torch.from_numpy(lessons.rows[numbers].astype(np.float32))
    answers = torch.from_numpy(lessons.answers[numbers])
    if plan.mixup:
        share = torch.from_numpy(chance.beta(plan.mixup, plan.mixup, size=(len(rows), 1)))
        share = share.float()
        rows = share * rows + (1 - share) * rows.flip(0)
        answers = share * answers + (1 - share) * answers.flip(0)
    logits, _ = head(rows)
    return nn.functional.cross_entropy(logits, answers, label_smoothing=plan.label_smoothing)


def _ready(average: torch.optim.swa_utils.AveragedModel) -> Head:
    """The averaged head by itself. A copy, since making a new one would draw random numbers."""
    found: Head = deepcopy(average.module)
    found.eval()
    return found


def _parts(rows: NDArray[np.float16], size: int = 4096) -> list[NDArray[np.float16]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
