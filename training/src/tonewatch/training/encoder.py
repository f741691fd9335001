"""The first encoder: Whisper tiny's, eight seconds long.

Its weights come out of smart-turn v3.2 (BSD-2-Clause; a fine-tuned Whisper tiny encoder, MIT), that
the package pipecat-ai carries as an ONNX file with 8-bit weights; `load_encoder` turns these back
into floats. The parts are named as in the Whisper of `transformers`, and so are their weights.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812 - its customary name
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from tonewatch.shared.errors import InvalidInputError

WIDTH: Final = 384
HEADS: Final = 6
LAYERS: Final = 3
"""Of four: what the last one hears are the ends of turns, not moods."""
POSITIONS: Final = 400
"""8 s at 20 ms."""

_PREFIX: Final = "inner.encoder."

Arrays = dict[str, NDArray[np.float32]]


class Attention(nn.Module):  # type: ignore[misc]
    """Self-attention over a window."""

    def __init__(self) -> None:
        super().__init__()
        self.q_proj = nn.Linear(WIDTH, WIDTH)
        self.k_proj = nn.Linear(WIDTH, WIDTH, bias=False)
        self.v_proj = nn.Linear(WIDTH, WIDTH)
        self.out_proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, hidden: Tensor) -> Tensor:
        """(batch, positions, 384) to the same shape."""
        batch, positions, _ = hidden.shape
        query, key, value = (
            project(hidden).view(batch, positions, HEADS, -1).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        heard = F.scaled_dot_product_attention(query, key, value)
        return self.out_proj(heard.transpose(1, 2).reshape(batch, positions, WIDTH))


class Layer(nn.Module):  # type: ignore[misc]
    """One block of the encoder, normalised before each half."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = Attention()
        self.self_attn_layer_norm = nn.LayerNorm(WIDTH)
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)
        self.final_layer_norm = nn.LayerNorm(WIDTH)

    def forward(self, hidden: Tensor) -> Tensor:
        """(batch, positions, 384) to the same shape."""
        hidden = hidden + self.self_attn(self.self_attn_layer_norm(hidden))
        inner = self.fc2(F.gelu(self.fc1(self.final_layer_norm(hidden))))
        return hidden + inner


class Encoder(nn.Module):  # type: ignore[misc]
    """Log-mel frames to hidden states of every layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(80, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(POSITIONS, WIDTH)
        self.layers = nn.ModuleList([Layer() for _ in range(LAYERS)])

    def forward(self, mel: Tensor) -> list[Tensor]:
        """(batch, frames, 80) to the states after each layer, (batch, ceil(frames / 2), 384).

        A window takes the last positions of the eight seconds, as in smart-turn.
        """
        hidden = F.gelu(self.conv2(F.gelu(self.conv1(mel.transpose(1, 2))))).transpose(1, 2)
        hidden = hidden + self.embed_positions.weight[POSITIONS - hidden.shape[1] :]
        states = []
        for layer in self.layers:
            hidden = layer(hidden)
            states.append(hidden)
        return states


def load_encoder(path: Path) -> Encoder:
    """The encoder with the weights of smart-turn as floats.

    Raises:
        InvalidInputError: the file is not smart-turn v3.
    """
    try:
        graph = onnx.load(str(path)).graph
    except (OSError, ValueError, Exception) as error:  # protobuf raises its own
        raise InvalidInputError(f"{path} cannot be read as an ONNX model ({error})") from error
    arrays = {
        name.removeprefix(_PREFIX): array
        for name, array in _weights(graph).items()
        if name.startswith(_PREFIX)
    }
    wanted = set(Encoder().state_dict())
    if missing := ", ".join(sorted(wanted - set(arrays))[:3]):
        raise InvalidInputError(f"{path} is not the encoder of smart-turn v3: no {missing} in it")
    encoder = Encoder()
    encoder.load_state_dict({name: torch.tensor(arrays[name]) for name in wanted})
    return encoder.eval()  # type: ignore[no-any-return]


def _weights(graph: Any) -> Arrays:
    """Every weight under the name of its module; the matrices of linear layers have lost theirs."""
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    found: Arrays = {
        name: array.astype(np.float32)
        for name, array in stored.items()
        if name.startswith("inner.") and array.dtype == np.float32 and "_scale" not in name
    }
    keys = 0
    for node in graph.node:
        if node.op_type == "Conv":
            name = node.input[1].removesuffix(".weight_DequantizeLinear_Output")
            found[f"{name}.weight"] = _floats(producers[node.input[1]], stored)
            if (bias := producers.get(node.input[2])) is not None:
                found[f"{name}.bias"] = _floats(bias, stored)
        elif node.op_type == "MatMul" and _is_weight(producers.get(node.input[1]), stored):
            matrix = _floats(producers[node.input[1]], stored).T
            name = _bias_after(node.output[0], graph, stored)
            if name is None:  # only the keys of the attention have no bias
                name, keys = f"{_PREFIX}layers.{keys}.self_attn.k_proj", keys + 1
            found[f"{name}.weight"] = matrix
    return found


def _is_weight(node: Any, stored: Mapping[str, Any]) -> bool:
    return node is not None and node.op_type == "DequantizeLinear" and node.input[0] in stored


def _floats(node: Any, stored: Mapping[str, Any]) -> NDArray[np.float32]:
    """What a DequantizeLinear makes of its stored integers."""
    values, scale, zero = (stored[name].astype(np.float32) for name in node.input)
    if scale.ndim:
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
        shape = [-1 if place == axis else 1 for place in range(values.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return np.asarray((values - zero) * scale, dtype=np.float32)


def _bias_after(output: str, graph: Any, stored: Mapping[str, Any]) -> str | None:
    """The module whose bias is added to a matrix product, maybe after requantisation."""
    for _ in range(4):
        users = [node for node in graph.node if output in node.input]
        for node in users:
            if node.op_type == "Add":
                biases = [name for name in node.input if name in stored]
                return str(biases[0]).removesuffix(".bias") if biases else None
        if not users:
            return None
        output = users[0].output[0]
    return None
