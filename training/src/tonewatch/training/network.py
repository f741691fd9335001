"""The head: what was heard in a stretch, pooled, to a posterior. The only part that is trained."""

from typing import Final

import torch
from torch import Tensor, nn

from tonewatch.training.corpus import CLASSES
from tonewatch.training.listener import HEARD
from tonewatch.training.vectors import LEAST_DEVIATION

EMBEDDING: Final = 256


class Head(nn.Module):  # type: ignore[misc] # torch is Any to mypy
    """A linear path and a narrow one beside it, from pooled states to nine classes."""

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(2 * HEARD))
        self.register_buffer("scale", torch.ones(2 * HEARD))
        self.dropout = nn.Dropout(dropout)
        self.embed = nn.Linear(2 * HEARD, EMBEDDING)
        self.classify = nn.Linear(EMBEDDING, len(CLASSES))
        self.direct = nn.Linear(2 * HEARD, len(CLASSES))

    def standardise(self, rows: Tensor) -> None:
        """Takes centre and scale from vectors (vectors, 2 * HEARD)."""
        self.centre.copy_(rows.mean(dim=0))
        self.scale.copy_(rows.std(dim=0) + LEAST_DEVIATION)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (batch, 2 * HEARD) to logits (batch, 9) and embeddings (batch, 256)."""
        usual = self.dropout(((rows - self.centre) / self.scale).clamp(-8, 8))
        embedding = nn.functional.gelu(self.embed(usual))
        return self.classify(self.dropout(embedding)) + self.direct(usual), embedding


class PoolingHead(nn.Module):  # type: ignore[misc] # torch is Any to mypy
    """The head as the engine runs it: states and weights of stretches in, a temperature inside."""

    def __init__(self, head: Head, temperature: float) -> None:
        super().__init__()
        self.head = head
        self.temperature = temperature

    def forward(self, heard: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """States (positions, HEARD) and weights (stretches, positions) to logits and embeddings."""
        mean = weights @ heard
        spread = weights @ heard**2 - mean**2
        deviation = torch.sqrt(spread.clamp(min=LEAST_DEVIATION**2))
        logits, embeddings = self.head(torch.cat([mean, deviation], dim=-1))
        return logits / self.temperature, embeddings
