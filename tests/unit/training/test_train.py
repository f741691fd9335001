"""Training a head can be repeated, learns, and stops at nonsense."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from tonewatch.training.listener import HEARD  # noqa: E402
from tonewatch.training.network import Head  # noqa: E402
from tonewatch.training.train import (  # noqa: E402
    Lessons,
    Plan,
    TrainingError,
    logits_of,
    train_head,
)

PLAN = Plan(epochs=3, batch_size=32, threads=1, averaging=0.5)
CERTAIN = np.eye(9, dtype=np.float32)


def lessons(seed: int = 1, count: int = 200) -> Lessons:
    """Vectors of which the first channels say what the answer is."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(9, size=count)
    rows = chance.standard_normal((count, 2 * HEARD)).astype(np.float16)
    rows[:, :900] += 3 * np.repeat(CERTAIN[labels], 100, axis=1).astype(np.float16)
    return Lessons(rows, CERTAIN[labels], np.ones(count))


def weights(head: Head) -> list[float]:
    return [float(value.double().sum()) for value in head.state_dict().values()]


def test_the_same_seed_gives_the_same_head() -> None:
    first, second = (train_head(lessons(), PLAN) for _ in range(2))
    assert weights(first) == weights(second)
    assert weights(first) != weights(train_head(lessons(), replace(PLAN, seed=2)))


def test_a_head_learns_what_vectors_say() -> None:
    head = train_head(lessons(), replace(PLAN, epochs=10))
    asked = lessons(seed=2)
    said = logits_of(head, asked.rows).argmax(axis=1)
    assert (said == asked.answers.argmax(axis=1)).mean() > 0.8


def test_every_epoch_can_be_watched_and_training_ended_after_one() -> None:
    seen: dict[int, list[float]] = {}
    whole = train_head(
        lessons(), PLAN, watch=lambda epoch, head: seen.update({epoch: weights(head)})
    )
    assert list(seen) == [1, 2, 3]
    assert seen[3] == weights(whole)
    assert weights(train_head(lessons(), PLAN, epochs=2)) == seen[2]


def test_a_start_is_gone_on_from() -> None:
    start = train_head(lessons(), PLAN)
    gone_on = train_head(lessons(), replace(PLAN, rate=1e-9, weight_decay=0.0), start.state_dict())
    assert weights(gone_on) == pytest.approx(weights(start), rel=1e-4, abs=1e-3)


def test_the_last_layer_alone_can_be_trained() -> None:
    start = train_head(lessons(), PLAN).state_dict()
    learnt = train_head(lessons(seed=3), PLAN, start, last_layer_only=True).state_dict()
    changed = {name for name in start if not torch.allclose(start[name], learnt[name])}
    assert changed == {"classify.weight", "classify.bias"}


def test_shares_say_what_is_drawn() -> None:
    broken = lessons()
    broken.rows[:100] = np.nan
    shares = np.where(np.arange(200) < 100, 0.0, 1.0)
    assert np.isfinite(weights(train_head(replace(broken, shares=shares), PLAN))).all()


def test_what_is_no_number_is_named_with_its_batch() -> None:
    broken = lessons()
    broken.answers[:] = np.nan
    with pytest.raises(TrainingError, match="epoch 1, batch 0: the loss is nan"):
        train_head(broken, PLAN)
