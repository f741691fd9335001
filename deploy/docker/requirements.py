"""Print what the given distributions depend on outside this repository, one requirement a line.

An image installs these in a layer of their own, before the code is copied, so that a change of code
rebuilds in seconds. An argument is a folder with a pyproject.toml, with extras in brackets if
wanted: `python requirements.py shared[database] services/storage`.
"""

import re
import sys
import tomllib
from pathlib import Path

OWN_PREFIX = "tonewatch-"


def external_requirements(folder: Path, extras: list[str]) -> list[str]:
    """The third-party requirements of one distribution with these extras.

    Raises:
        SystemExit: the distribution has no such extra.
    """
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    optional = project.get("optional-dependencies", {})
    found = list(project.get("dependencies", []))
    for extra in extras:
        if extra not in optional:
            raise SystemExit(f"{folder} has no extra {extra!r}; it has {sorted(optional)}")
        found += optional[extra]
    return [line for line in found if not line.startswith(OWN_PREFIX)]


def main(arguments: list[str]) -> None:
    """Print the requirements of all arguments."""
    for argument in arguments:
        match = re.fullmatch(r"([^\[]+)(?:\[(.*)\])?", argument)
        if match is None:
            raise SystemExit(f"{argument!r} is not FOLDER or FOLDER[extra,...]")
        extras = [part.strip() for part in (match[2] or "").split(",") if part.strip()]
        print(*external_requirements(Path(match[1]), extras), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
