"""The engine of a measurement is made as the inference service makes its own."""

from pathlib import Path

import pytest

from tests.unit.evaluation.stubs import StubEngine
from tonewatch.evaluation import main
from tonewatch.inference.engines.base import Engine
from tonewatch.inference.settings import EngineName, InferenceOptions
from tonewatch.shared.emotions import Emotion


class Loaded(StubEngine):
    """Knows whether it was loaded."""

    is_loaded = False

    def load(self) -> None:
        self.is_loaded = True


@pytest.mark.parametrize(
    ("name", "model", "weights"),
    [
        ("compact", "", None),
        ("compact", "", Path("mine")),
        ("emotion2vec", "iic/emotion2vec_plus_base", None),
        ("emotion2vec", "", None),
    ],
)
def test_the_engine_gets_its_options_and_is_loaded(
    monkeypatch: pytest.MonkeyPatch, name: EngineName, model: str, weights: Path | None
) -> None:
    asked: list[InferenceOptions] = []

    def create(options: InferenceOptions, *_: object) -> Engine:
        asked.append(options)
        return Loaded(lambda _: Emotion.SAD)

    monkeypatch.setattr(main, "create_engine", create)
    engine = main.open_engine(name, model, weights)
    assert isinstance(engine, Loaded)
    assert engine.is_loaded
    (options,) = asked
    assert (options.engine, options.compact_weights) == (name, weights)
    assert options.model == (model or InferenceOptions().model)
