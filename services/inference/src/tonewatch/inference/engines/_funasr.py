"""FunASR's loader, with its side effects on the rest of the process undone.

`AutoModel` reseeds Python, numpy and torch, sets torch's threads, prints to stdout, and falls back
from cuda to cpu in silence.
"""

import logging
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from tonewatch.shared.errors import EngineError
from tonewatch.shared.logging import get_logger

log = get_logger(__name__)


def resolve_device(wanted: str) -> str:
    """The torch device for auto, cpu or cuda.

    Raises:
        EngineError: torch is not installed, or cuda was asked for and there is none.
    """
    try:
        import torch
    except ImportError as error:
        raise _not_installed() from error
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise EngineError(
            "device is cuda, but torch finds no usable GPU here; set device to cpu or auto, or"
            " install a CUDA build of torch and the driver"
        )
    return "cuda" if available and wanted != "cpu" else "cpu"


def load_model(directory: Path, device: str, threads: int) -> Any:
    """FunASR's AutoModel of a local directory.

    Raises:
        EngineError: FunASR is not installed, or cannot build this model.
    """
    import torch

    threads = threads or torch.get_num_threads()
    printed = StringIO()
    with _undone(), redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # FunASR and what it imports use much that is deprecated
        try:
            from funasr import AutoModel
        except ImportError as error:
            raise _not_installed() from error
        try:
            model = AutoModel(
                model=str(directory),
                device=device,
                ncpu=threads,
                disable_update=True,
                disable_pbar=True,
                disable_log=True,
            )
        except Exception as error:  # many kinds, by what is wrong with the configuration
            raise EngineError(
                f"FunASR cannot load {directory}: {type(error).__name__}: {error}"
            ) from error
    log.debug("funasr printed", text=printed.getvalue())
    return model


def _not_installed() -> EngineError:
    return EngineError(
        "the engine emotion2vec needs torch and funasr: pip install 'tonewatch-inference"
        "[emotion2vec]', or set the engine to compact"
    )


@contextmanager
def _undone() -> Iterator[None]:
    """Gives back the random generators and the root logger as they were.

    FunASR logs a line for each tensor through the root logger itself; the service's own lines come
    through named loggers, which this filter does not see.
    """
    import torch

    python_state, torch_state = random.getstate(), torch.get_rng_state()
    numpy_state = np.random.get_state()  # noqa: NPY002 - the old generator is what FunASR seeds
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.addFilter(_only_errors)
    try:
        yield
    finally:
        root.removeFilter(_only_errors)
        root.handlers[:] = handlers
        root.setLevel(level)
        random.setstate(python_state)
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)  # noqa: NPY002 - see above


def _only_errors(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
