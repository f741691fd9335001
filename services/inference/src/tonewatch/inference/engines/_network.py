"""Our own forward pass over the network that FunASR has built and filled with weights.

Static, without masks, dropout and the decoder, so that it can be batched, exported and captured.
Attention is torch's fused kernel with the ALiBi bias (Press et al., 2022) as its mask; the bias is
made once for a length, and broadcast over the batch. Windows of a batch must be of equal length.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

CONVOLUTIONS: Final = ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2))
"""Kernel and stride of the feature extractor's layers, in samples; one feature every 20 ms."""


class Network(nn.Module):  # type: ignore[misc] # torch is Any to mypy
    """Normalised waveforms (batch, samples) to posteriors; shares the weights of FunASR's network.

    `columns` are the places of the nine labels among the head's outputs. Only they enter the
    softmax, which is what FunASR's masking of the other outputs with minus infinity comes to.
    """

    def __init__(self, network: Any, columns: Sequence[int]) -> None:
        super().__init__()
        encoder = network.modality_encoders["AUDIO"]
        self.convolutions = encoder.local_encoder
        self.project = encoder.project_features
        self.positional = encoder.relative_positional_encoder
        self.extra_tokens = encoder.extra_tokens
        before = encoder.context_encoder.norm
        first = encoder.context_encoder.layer_norm_first
        self.norm_before = before if before is not None and not first else nn.Identity()
        self.prenet = nn.ModuleList(Block(block) for block in encoder.context_encoder.blocks)
        self.norm_between = before if before is not None and first else nn.Identity()
        self.blocks = nn.ModuleList(Block(block) for block in network.blocks)
        self.norm_after = network.norm if network.norm is not None else nn.Identity()
        chosen = list(columns)
        # not initialised: that would draw from torch's random generator
        self.head = nn.utils.skip_init(nn.Linear, network.proj.in_features, len(chosen))
        self.head.weight = nn.Parameter(network.proj.weight.detach()[chosen], requires_grad=False)
        self.head.bias = nn.Parameter(network.proj.bias.detach()[chosen], requires_grad=False)
        self.register_buffer("slopes", _slopes(encoder), persistent=False)
        self.requires_grad_(requires_grad=False)

    def forward(self, waveforms: Tensor, alibi: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities (batch, 9), posteriors of 20 ms (batch, features, 9), mean features.

        `alibi` is `self.alibi(features)`. The softmax is float32, whatever the weights are.
        """
        hidden = self.project(self.convolutions(waveforms.to(self.head.weight.dtype)))
        hidden = hidden + self.positional(hidden)
        extra = 0
        if self.extra_tokens is not None:
            extra = self.extra_tokens.shape[1]
            tokens = self.extra_tokens.expand(hidden.shape[0], -1, -1)
            hidden = torch.cat([tokens, hidden], dim=1)
        hidden = self.norm_before(hidden)
        for block in self.prenet:
            hidden = block(hidden, alibi)
        hidden = self.norm_between(hidden)
        for block in self.blocks:
            hidden = block(hidden, alibi)
        features = self.norm_after(hidden)[:, extra:]
        embeddings = features.float().mean(dim=1)
        probabilities = self._posterior(embeddings.to(features.dtype))
        return probabilities, self._posterior(features), embeddings

    def alibi(self, features: Tensor) -> Tensor:
        """The attention bias, (1, heads, tokens, tokens): minus slope times distance.

        `features` are the positions 0, 1, 2 ... of the 20 ms features. The extra tokens in front
        are equally near to all.
        """
        distance = (features[None, :] - features[:, None]).abs()
        extra = 0 if self.extra_tokens is None else self.extra_tokens.shape[1]
        distance = functional.pad(distance, (extra, 0, extra, 0))
        slopes: Any = self.slopes
        return (-slopes[:, None, None] * distance)[None].to(self.head.weight.dtype)

    def _posterior(self, features: Tensor) -> Tensor:
        logits: Tensor = self.head(features)
        return logits.float().softmax(dim=-1)


class WithBias(nn.Module):  # type: ignore[misc] # torch is Any to mypy
    """The network with its attention bias made inside, of whatever length: what is exported."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, waveforms: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As the network's own; `positions` as for `Network.alibi`."""
        answers: tuple[Tensor, Tensor, Tensor] = self.network(
            waveforms, self.network.alibi(positions)
        )
        return answers


class Block(nn.Module):  # type: ignore[misc] # torch is Any to mypy
    """One transformer block with the weights of FunASR's `AltBlock`."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.norm_first = block.layer_norm_first
        self.norm1, self.norm2 = block.norm1, block.norm2
        self.qkv, self.output = block.attn.qkv, block.attn.proj
        self.heads, self.scale = block.attn.num_heads, block.attn.scale
        self.widen, self.narrow = block.mlp.fc1, block.mlp.fc2

    def forward(self, hidden: Tensor, alibi: Tensor) -> Tensor:
        """Attention and MLP, each with its residual."""
        if self.norm_first:
            hidden = hidden + self._attend(self.norm1(hidden), alibi)
            wide: Tensor = self._mlp(self.norm2(hidden))
            return wide + wide
        hidden = self.norm1(hidden + self._attend(hidden, alibi))
        normed: Tensor = self.norm2(hidden + self._mlp(hidden))
        return normed

    def _attend(self, hidden: Tensor, alibi: Tensor) -> Tensor:
        batch, tokens, width = hidden.shape
        split = self.qkv(hidden).view(batch, tokens, 3, self.heads, width // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=alibi, scale=self.scale
        )
        attended: Tensor = self.output(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return attended

    def _mlp(self, hidden: Tensor) -> Tensor:
        narrowed: Tensor = self.narrow(functional.gelu(self.widen(hidden)))
        return narrowed


def is_known(network: Any) -> bool:
    """Whether `Network` computes what this network computes; all published emotion2vec+ are so."""
    encoder = network.modality_encoders["AUDIO"]
    settings = encoder.modality_cfg
    blocks = [*encoder.context_encoder.blocks, *network.blocks]
    layers = [layer[0] for layer in encoder.local_encoder.conv_layers]
    return (
        settings.use_alibi_encoder
        and not settings.learned_alibi
        and encoder.alibi_scale is not None
        and encoder.alibi_scale.shape[0] == 1
        and encoder.relative_positional_encoder is not None
        and encoder.fixed_positional_encoder is None
        and not any(block.attn.cosine_attention for block in blocks)
        and tuple((c.kernel_size[0], c.stride[0]) for c in layers) == CONVOLUTIONS
        and all(block.layer_norm_first == blocks[0].layer_norm_first for block in blocks)
    )


def _slopes(encoder: Any) -> Tensor:
    """The geometric slopes of ALiBi's heads times the learned scale, shape (heads,)."""
    heads = encoder.modality_cfg.num_alibi_heads
    slopes = torch.tensor(alibi_slopes(heads), dtype=torch.float32)
    scale = encoder.alibi_scale.detach().float().clamp_min(0).reshape(-1)
    return slopes * scale.to(slopes.device).expand(heads)


def alibi_slopes(heads: int) -> list[float]:
    """The slopes for a number of heads; one that is no power of two borrows from the next."""
    if math.log2(heads).is_integer():
        start = 2 ** (-(2 ** -(math.log2(heads) - 3)))
        return [start**power for power in range(1, heads + 1)]
    below = 2 ** math.floor(math.log2(heads))
    return alibi_slopes(below) + alibi_slopes(2 * below)[0::2][: heads - below]


def feature_count(samples: int) -> int:
    """How many 20 ms features a window has: what wav2vec2's seven convolutions leave of it."""
    for kernel, stride in CONVOLUTIONS:
        samples = (samples - kernel) // stride + 1
    return samples
