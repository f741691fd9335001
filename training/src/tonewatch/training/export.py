"""Writes a folder of weights as the engine loads it: ear, head, and what they are."""

import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from tonewatch.inference.engines.compact.engine import ABOUT_FILE, EAR_FILE, HEAD_FILE
from tonewatch.shared.emotions import EMOTIONS
from tonewatch.shared.errors import InvalidInputError
from tonewatch.training.listener import HEARD, OPSET
from tonewatch.training.network import Head, PoolingHead

_PREFIX = "head."


def write_weights(
    ear: Path, head: Head, temperature: float, about: Mapping[str, Any], folder: Path
) -> None:
    """A folder of weights for the compact engine; an ear that is there already may be the same."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / EAR_FILE).exists() or not ear.samefile(folder / EAR_FILE):
        shutil.copyfile(ear, folder / EAR_FILE)
    # as a whole: the exporter puts everything back into the outermost module's mode
    pooling_head = PoolingHead(head, temperature).eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is deprecated
        torch.onnx.export(
            pooling_head,
            (torch.zeros(49, HEARD), torch.full((11, 49), 1 / 49)),
            str(folder / HEAD_FILE),
            dynamo=False,
            opset_version=OPSET,
            input_names=["heard", "weights"],
            output_names=["logits", "embeddings"],
            dynamic_axes={
                "heard": {0: "positions"},
                "weights": {0: "stretches", 1: "positions"},
                "logits": {0: "stretches"},
                "embeddings": {0: "stretches"},
            },
        )
    card = {"labels": list(EMOTIONS), "temperature": temperature, **about}
    text = json.dumps(card, indent=1, ensure_ascii=False)
    (folder / ABOUT_FILE).write_text(text + "\n", encoding="utf-8")


def temperature_of(folder: Path) -> float:
    """The temperature that a folder of weights was written with."""
    card = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
    return float(card["temperature"])


def read_head(folder: Path) -> dict[str, Tensor]:
    """The state of the `Head` that a folder of weights was written from.

    Raises:
        InvalidInputError: the file cannot be read or holds another head.
    """
    file = folder / HEAD_FILE
    try:
        graph = onnx.load(str(file)).graph
    except Exception as error:  # protobuf raises kinds of its own
        raise InvalidInputError(f"{file} cannot be read ({error})") from error
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:  # the exporter stores equal arrays once
        if node.op_type == "Identity" and node.input[0] in stored:
            stored[node.output[0]] = stored[node.input[0]]
    state = {
        name.removeprefix(_PREFIX): torch.tensor(array)
        for name, array in stored.items()
        if name.startswith(_PREFIX)
    }
    wanted = {name: value.shape for name, value in Head().state_dict().items()}
    if {name: value.shape for name, value in state.items()} != wanted:
        raise InvalidInputError(f"{file} holds another head than this version trains")
    return state
