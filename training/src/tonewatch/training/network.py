"""The compact network as torch trains it; `tonewatch.inference.engines.compact.network` runs it."""

import torch
from torch import Tensor, nn

from tonewatch.inference.engines.compact.features import FEATURES, MEL_BANDS, PITCH_BINS
from tonewatch.inference.engines.compact.network import DILATIONS, HALVINGS
from tonewatch.training.corpus import CLASSES

SPECTRAL_CHANNELS = (12, 32, 48)
PITCH_CHANNELS = (8, 16)
CHANNELS = 128
ATTENTION = 32
EMBEDDING = 64


class CompactNetwork(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Convolutions over two pictures, then over time, then attentive statistics (Okabe 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.standardise = nn.BatchNorm1d(FEATURES)
        self.spectral = _picture(SPECTRAL_CHANNELS)
        self.pitch = _picture(PITCH_CHANNELS)
        width = SPECTRAL_CHANNELS[-1] * (MEL_BANDS >> len(SPECTRAL_CHANNELS))
        width += PITCH_CHANNELS[-1] * (PITCH_BINS >> len(PITCH_CHANNELS))
        self.joint = _over_time(width, CHANNELS, size=1, dilation=1)
        self.blocks = nn.ModuleList(_over_time(CHANNELS, CHANNELS, 3, d) for d in DILATIONS)
        self.attention = nn.Linear(CHANNELS, ATTENTION)
        self.score = nn.Linear(ATTENTION, 1, bias=False)
        self.embed = nn.Linear(2 * CHANNELS, EMBEDDING)
        self.classify = nn.Linear(EMBEDDING, len(CLASSES))
        self.dropout = nn.Dropout(0.2)
        self.dropout_channels = nn.Dropout1d(0.1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (batch, classes) of inputs (batch, frames, 112)."""
        inputs = self.standardise(inputs.transpose(1, 2)).transpose(1, 2).unsqueeze(1)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        spectral = _flatten(self.spectral(inputs[..., :MEL_BANDS]))
        pitch = _flatten(self.pitch(inputs[..., MEL_BANDS:]))
        hidden = self.joint(self.dropout_channels(torch.cat([spectral, pitch], dim=1)))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        pooled = self.dropout(self._pool(hidden.transpose(1, 2)))
        logits: Tensor = self.classify(self.dropout(torch.relu(self.embed(pooled))))
        return logits

    def _pool(self, hidden: Tensor) -> Tensor:
        importance = torch.softmax(self.score(torch.tanh(self.attention(hidden))), dim=1)
        mean = (importance * hidden).sum(dim=1)
        variance = (importance * hidden**2).sum(dim=1) - mean**2
        return torch.cat([mean, variance.clamp_min(1e-4).sqrt()], dim=1)


def _picture(channels: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    inputs = 1
    for number, outputs in enumerate(channels):
        size = 5 if number == 0 else 3
        stride = (2 if number < HALVINGS else 1, 2)
        convolution = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
        layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        inputs = outputs
    return nn.Sequential(*layers)


def _over_time(inputs: int, outputs: int, size: int, dilation: int) -> nn.Sequential:
    padding = dilation * (size // 2)
    convolution = nn.Conv1d(inputs, outputs, size, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm1d(outputs), nn.ReLU())


def _flatten(picture: Tensor) -> Tensor:
    """(batch, channels, time, band) to (batch, band x channels, time), as the numpy twin has it."""
    return picture.permute(0, 3, 1, 2).flatten(1, 2)
