"""Writes trained weights as the wheel ships them: plain arrays, batch normalisation folded in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tonewatch.training.corpus import CLASSES
from tonewatch.training.network import CompactNetwork

Arrays = dict[str, NDArray[np.float32]]


def to_arrays(network: CompactNetwork) -> Arrays:
    """The weights of `NumpyNetwork` that compute what the network computes in evaluation mode."""
    scale, shift = _normalisation(network.standardise)
    arrays: Arrays = {"input.scale": scale, "input.shift": shift}
    for name, picture in (("spectral", network.spectral), ("pitch", network.pitch)):
        for layer in range(len(picture) // 3):
            weight, bias = _folded(picture[3 * layer], picture[3 * layer + 1])
            arrays[f"{name}{layer}.weight"] = weight.transpose(2, 3, 1, 0)
            arrays[f"{name}{layer}.bias"] = bias
    weight, arrays["joint.bias"] = _folded(network.joint[0], network.joint[1])
    arrays["joint.weight"] = weight[:, :, 0].T
    for index, block in enumerate(network.blocks):
        weight, arrays[f"block{index}.bias"] = _folded(block[0], block[1])
        arrays[f"block{index}.weight"] = weight.transpose(2, 1, 0)
    for name, linear in (("embed", network.embed), ("classify", network.classify)):
        arrays[f"{name}.weight"], arrays[f"{name}.bias"] = (
            _array(linear.weight).T,
            _array(linear.bias),
        )
    arrays["attention.hidden"] = _array(network.attention.weight).T
    arrays["attention.bias"] = _array(network.attention.bias)
    arrays["attention.score"] = _array(network.score.weight)[0]
    return {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in arrays.items()}


def write_weights(arrays: Arrays, about: Mapping[str, object], file: Path) -> None:
    """One .npz of the arrays and `about`, JSON that says what they are and how they were made."""
    text = json.dumps({"classes": [str(c) for c in CLASSES], **about}, sort_keys=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    named: dict[str, Any] = {**arrays, "about": np.array(text)}
    np.savez(file, **named)


def _folded(layer: Any, norm: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    scale, shift = _normalisation(norm)
    weight = _array(layer.weight)
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), shift


def _normalisation(norm: nn.Module) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scale and shift that a batch normalisation applies once its statistics are fixed."""
    state = {name: _array(value) for name, value in norm.state_dict().items()}
    scale = state["weight"] / np.sqrt(state["running_var"] + 1e-5)
    return scale, state["bias"] - state["running_mean"] * scale


def _array(tensor: Any) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().cpu().numpy()
    return array
