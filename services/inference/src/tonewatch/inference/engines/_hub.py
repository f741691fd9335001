"""Models by hub id: from the local cache, else downloaded with progress that people can see."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from tonewatch.shared.errors import EngineError, UnavailableError

Hub = Literal["ms", "hf"]
Report = Callable[[str], None]

HUB_NAMES: Final = {"ms": "ModelScope", "hf": "Hugging Face"}
PROGRESS_SECONDS: Final = 3.0
_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")
_OWNERS: Final = {"ms": "iic/", "hf": "emotion2vec/"}
"""Under which name each hub has the models of emotion2vec."""

_SHORT: Final = ("large", "base", "seed")
_PINNED: Final = {
    ("hf", "emotion2vec/emotion2vec_plus_large"): "6c303ba987b86b93193de93e34bb2b077a6bedc4",
    ("hf", "emotion2vec/emotion2vec_plus_base"): "b318240bfe67db81a8c572ecb37ce9c3759b81c9",
}
"""The revisions that Tonewatch was made for. ModelScope's has no name but that of its branch; there
the hash of the weights, which is in every record, tells one from another."""

_BRANCH: Final = {"ms": "master", "hf": "main"}

_NOT_THERE: Final = ("NotExistError", "RepositoryNotFoundError", "NoValidRevisionError")
_WANTED: Final = ["config.yaml", "configuration.json", "tokens.txt", "model.pt"]


def is_path(model: str) -> bool:
    """Whether it names a directory, not a model on a hub.

    FunASR takes a path that does not exist for a hub id and goes looking for it in the network.
    """
    if Path(model).expanduser().exists() or model.startswith((".", "/", "~")):
        return True
    if model in _SHORT:
        return False
    return not _HUB_ID.fullmatch(model)


def resolve(model: str, hub: Hub, revision: str) -> tuple[str, str]:
    """The hub's own name of a model (`large`, or the name it has on the other hub), and a revision.

    An empty revision is the one that Tonewatch was made for, or the hub's branch where there is no
    such.
    """
    if model in _SHORT:
        model = f"{_OWNERS[hub]}emotion2vec_plus_{model}"
    for other, owner in _OWNERS.items():
        if other != hub and model.startswith(owner):
            model = _OWNERS[hub] + model.removeprefix(owner)
    return model, revision or _PINNED.get((hub, model), _BRANCH[hub])


def download(model: str, hub: Hub, models_dir: Path, report: Report, revision: str = "") -> Path:
    """The local directory of a hub's model; downloads it if it is not there.

    Raises:
        EngineError: the hub has no such model or revision.
        UnavailableError: the hub cannot be reached.
    """
    model, revision = resolve(model, hub, revision)
    if (found := _cached(model, revision, hub, models_dir)) is not None:
        return found
    report(f"downloading {model} from {HUB_NAMES[hub]}")
    try:
        with _progress(model, models_dir, report):
            fetched = _snapshot(hub)(
                model, revision=revision, cache_dir=str(models_dir), allow_patterns=_WANTED
            )
            return Path(fetched)
    except Exception as error:  # the hubs' libraries raise their own and their transports' kinds
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        if any(kind.__name__ in _NOT_THERE for kind in type(error).__mro__):
            raise EngineError(
                f"{HUB_NAMES[hub]} has no model {model} of revision {revision}, and there is"
                f" no such directory: {reason}"
            ) from error
        raise UnavailableError(
            f"cannot download {model} from {HUB_NAMES[hub]}: {reason}; without a network, give a"
            " directory as the model"
        ) from error


def _cached(model: str, revision: str, hub: Hub, models_dir: Path) -> Path | None:
    """A complete earlier download; needs no network."""
    try:
        found = Path(
            _snapshot(hub)(
                model, revision=revision, cache_dir=str(models_dir), local_files_only=True
            )
        )
    except Exception:  # noqa: BLE001 - whatever is wrong with the cache, a download repairs it
        return None
    complete = all((found / name).is_file() for name in ("config.yaml", "tokens.txt", "model.pt"))
    return found if complete else None


def _snapshot(hub: Hub) -> Any:
    """The hub library's download function.

    Raises:
        EngineError: it is not installed.
    """
    try:
        if hub == "ms":
            from modelscope.hub.snapshot_download import (
                snapshot_download,
            )
        else:
            from huggingface_hub import snapshot_download
    except ImportError as error:
        raise EngineError(
            "downloading a model needs funasr: pip install 'tonewatch-inference[emotion2vec]',"
            " or set the engine to compact"
        ) from error
    return snapshot_download


@contextmanager
def _progress(model: str, models_dir: Path, report: Report) -> Iterator[None]:
    """Report every few seconds how much has arrived, by what lies on the disk."""
    done = threading.Event()
    before, started = _size_of(models_dir), time.monotonic()

    def watch() -> None:
        while not done.wait(PROGRESS_SECONDS):
            megabytes = (_size_of(models_dir) - before) / 1e6
            seconds = time.monotonic() - started
            report(f"downloading {model}: {megabytes:.0f} MB after {seconds:.0f} s")

    thread = threading.Thread(target=watch, name="download-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file() and not path.is_symlink():
                total += path.stat().st_size
        except OSError:  # a temporary file that was just renamed
            continue
    return total
