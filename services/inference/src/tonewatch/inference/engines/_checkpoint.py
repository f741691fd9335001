"""Is this a whole emotion2vec+ model? Asked before the first score, for FunASR does not ask.

FunASR loads a missing file, an empty state dict and wrong shapes without an error, and then answers
with random scores. Here each of these is one sentence that says what to do.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tonewatch.shared.errors import EngineError

CONFIG: Final = "config.yaml"
TOKENS: Final = "tokens.txt"
WEIGHTS: Final = "model.pt"
LEAST_WEIGHT_BYTES: Final = 100_000
"""Far below any real model; catches empty files and pointers left by git-lfs."""

_UNUSED_AT_INFERENCE: Final = "modality_encoders.AUDIO.decoder."
_PREFIXES: Final = ("d2v_model.", "module.", "")
_NESTS: Final = ("state_dict", "model_state_dict", "model")
_CONVOLUTIONS: Final = re.compile(r"[\d\s()\[\],+*]+")
_TAIL_BYTES: Final = 1 << 20


def check_files(directory: Path) -> tuple[str, ...]:
    """Look at the files without loading anything heavy; returns the tokens.

    Raises:
        EngineError: a file is missing, too small, or not emotion2vec's.
    """
    for name in (CONFIG, TOKENS, WEIGHTS):
        if not (directory / name).is_file():
            raise EngineError(
                f"{directory} has no {name}, so it is no emotion2vec+ model; copy all files of the"
                " model there, or give a hub id"
            )
    size = (directory / WEIGHTS).stat().st_size
    if size < LEAST_WEIGHT_BYTES:
        raise EngineError(
            f"{directory / WEIGHTS} has only {size} bytes; it was not downloaded completely"
        )
    _check_config(directory / CONFIG)
    text = (directory / TOKENS).read_text(encoding="utf-8")
    return tuple(line.rstrip() for line in text.splitlines())


def _check_config(path: Path) -> None:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        kind = config["model"]
        convolutions = config["model_conf"]["modalities"]["audio"]["feature_encoder_spec"]
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise EngineError(f"{path} is not the configuration of an emotion2vec model") from error
    if kind != "Emotion2vec":
        raise EngineError(f"{path} describes a model of kind {kind}, not Emotion2vec")
    # FunASR passes this text to eval(): it must be nothing but a list of numbers
    if not _CONVOLUTIONS.fullmatch(str(convolutions)):
        raise EngineError(f"{path}: feature_encoder_spec is no list of numbers")


def revision(directory: Path) -> str:
    """Tells weights apart: a hash of the size and the end of the file.

    The end of a checkpoint is the directory of its zip archive, which has a CRC of every tensor.
    """
    path = directory / WEIGHTS
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        return hashlib.sha256(str(size).encode() + file.read()).hexdigest()[:12]


def read_state(directory: Path) -> dict[str, Any]:
    """The tensors of the checkpoint by the names of the model, mapped from disk, not copied.

    Raises:
        EngineError: the file is truncated or no checkpoint.
    """
    import torch

    path = directory / WEIGHTS
    try:
        stored = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except Exception as error:  # many kinds, by what is damaged
        raise EngineError(
            f"{path} cannot be read as a checkpoint; it is truncated or damaged: download it again"
        ) from error
    for nest in _NESTS:
        stored = stored[nest] if isinstance(stored, Mapping) and nest in stored else stored
    if not isinstance(stored, Mapping):
        raise EngineError(f"{path} holds no state dict")
    return dict(stored)


def check_loaded(model: Any, stored: Mapping[str, Any], path: Path) -> None:
    """Every weight that scoring uses came from the checkpoint, whole and unchanged.

    Raises:
        EngineError: a weight is missing, of another shape, or was not loaded.
    """
    import torch

    for name, loaded in model.state_dict().items():
        if name.startswith(_UNUSED_AT_INFERENCE):
            continue
        found = next((stored[p + name] for p in _PREFIXES if p + name in stored), None)
        if found is None:
            raise EngineError(f"{path} lacks the weights {name}; it is of another model")
        if found.shape != loaded.shape:
            raise EngineError(
                f"{path}: {name} has the shape {tuple(found.shape)}, but config.yaml describes"
                f" {tuple(loaded.shape)}; the files are of different models"
            )
        if not torch.equal(found.to(loaded.dtype), loaded.cpu()):
            raise EngineError(f"{path}: {name} was not loaded as it is stored")
