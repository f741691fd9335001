"""The second encoder: the lowest blocks of CAM++, made to tell speakers apart.

CAM++ (Wang et al., Interspeech 2023; Apache-2.0, 3D-Speaker) was trained on 200,000 Chinese and
many English speakers. What a voice sounds like it hears in its lower blocks; the upper
ones, which are left out, forget the mood and keep the person.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tonewatch.inference.engines.compact import features
from tonewatch.shared.errors import InvalidInputError

CHANNELS: Final = 256
"""Of its positions, one every 20 ms."""

_BLOCKS: Final = ("tdnn", "block1", "transit1")


class SpeakerEncoder(nn.Module):  # type: ignore[misc] # torch is Any to mypy
    """Log-mel frames to positions of the lowest blocks of CAM++."""

    def __init__(self) -> None:
        super().__init__()
        from funasr.models.campplus.model import CAMPPlus  # noqa: PLC0415 - ten seconds

        whole = CAMPPlus(feat_dim=features.MEL_BANDS, embedding_size=192, memory_efficient=False)
        parts = dict(whole.xvector.named_children())
        self.head = whole.head
        self.blocks = nn.Sequential(*[parts[name] for name in _BLOCKS])
        self.register_buffer("bands", torch.from_numpy(_kaldi_bands()))

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, frames, 80) to (batch, ceil(frames / 2), 256)."""
        # Whisper's scale is (log10 + 4) / 4; CAM++ wants natural logarithms around each band's mean
        logs = (mel * (4 * float(np.log(10)))) @ self.bands
        logs = logs - logs.mean(dim=1, keepdim=True)
        heard: Tensor = self.blocks(self.head(logs.transpose(1, 2)))
        return heard.transpose(1, 2)


def load_speaker_encoder(path: Path) -> SpeakerEncoder:
    """The encoder with its weights out of those of the whole CAM++.

    Raises:
        InvalidInputError: the file is not the checkpoint of CAM++.
    """
    try:
        whole: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and zip raise many kinds
        raise InvalidInputError(f"{path} cannot be read as weights ({error})") from error
    encoder = SpeakerEncoder()
    renamed = {"bands": encoder.bands}
    for name, value in whole.items():
        part, _, rest = name.removeprefix("xvector.").partition(".")
        if part == "head":
            renamed[name] = value
        elif part in _BLOCKS:
            renamed[f"blocks.{_BLOCKS.index(part)}.{rest}"] = value
    if set(renamed) != set(encoder.state_dict()):
        raise InvalidInputError(f"{path} does not hold the weights of CAM++ with 80 bands")
    encoder.load_state_dict(renamed)
    return encoder.eval()  # type: ignore[no-any-return]


def _kaldi_bands() -> NDArray[np.float32]:
    """Takes Slaney's 80 bands to Kaldi's, on another mel scale, by interpolation (80, 80)."""
    slaney = features.band_centres_hz()
    top, bottom = 1127 * np.log(1 + np.array([8_000.0, 20.0]) / 700)
    kaldi = 700 * (np.exp(np.linspace(bottom, top, features.MEL_BANDS + 2)[1:-1] / 1127) - 1)
    rows = [np.interp(kaldi, slaney, one) for one in np.eye(features.MEL_BANDS)]
    return np.stack(rows).astype(np.float32)
