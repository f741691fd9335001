"""Writes the ear of the compact engine: both encoders in one ONNX file, products in 8 bits."""

import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from tonewatch.inference.engines.compact.features import FloatArray
from tonewatch.training.encoder import LAYERS, WIDTH, Encoder, load_encoder
from tonewatch.training.speaker_encoder import CHANNELS, SpeakerEncoder, load_speaker_encoder
from tonewatch.training.start import CAMPPLUS, WHISPER, fetch

HEARD: Final = LAYERS * WIDTH + CHANNELS
"""Channels of a position."""

OPSET: Final = 17


class Listener(nn.Module):  # type: ignore[misc] # torch is Any to mypy
    """Both encoders side by side."""

    def __init__(self, encoder: Encoder, speaker_encoder: SpeakerEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.speaker_encoder = speaker_encoder

    def forward(self, mel: Tensor) -> Tensor:
        """(1, frames, 80) to (1, ceil(frames / 2), HEARD)."""
        return torch.cat([*self.encoder(mel), self.speaker_encoder(mel)], dim=-1)


class _Examples(CalibrationDataReader):  # type: ignore[misc] # published without types
    """Log-mel windows of which the convolutions learn their ranges."""

    def __init__(self, mels: Iterable[FloatArray]) -> None:
        self._mels: Iterator[FloatArray] = iter(mels)

    def get_next(self) -> dict[str, Any] | None:
        """The next one."""
        mel = next(self._mels, None)
        return None if mel is None else {"mel": mel[None]}


def write_ear(file: Path, cache: Path, mels: Iterable[FloatArray]) -> None:
    """Fetches the encoders and writes them as one graph; `mels` (frames, 80) show usual ranges.

    Convolutions get fixed ranges, the products of attention and around it those of the moment.

    Raises:
        InvalidInputError: an encoder can not be had.
    """
    encoders = load_encoder(fetch(WHISPER, cache)), load_speaker_encoder(fetch(CAMPPLUS, cache))
    with tempfile.TemporaryDirectory() as scratch:
        floats, folded, fixed = (str(Path(scratch) / f"{name}.onnx") for name in ("a", "b", "c"))
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the exporter that needs no further package is old
            torch.onnx.export(
                Listener(*encoders).eval(),
                (torch.zeros(1, 98, 80),),
                floats,
                dynamo=False,
                opset_version=OPSET,
                input_names=["mel"],
                output_names=["heard"],
                dynamic_axes={"mel": {1: "frames"}, "heard": {1: "positions"}},
            )
        logging.disable(logging.WARNING)  # the quantiser tells of every tensor
        quant_pre_process(floats, folded, skip_symbolic_shape=True)
        bits = {"weight_type": QuantType.QInt8, "per_channel": True}
        quantize_static(
            folded,
            fixed,
            _Examples(mels),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            op_types_to_quantize=["Conv"],
            **bits,
        )
        quantize_dynamic(fixed, str(file), op_types_to_quantize=["MatMul"], **bits)
        logging.disable(logging.NOTSET)
