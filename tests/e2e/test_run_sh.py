"""What ./run.sh says and decides before it starts anything; the suite itself has its own tests."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RUN_SH = Path(__file__).parents[2] / "run.sh"

FAKE_PYTHON = """#!/bin/sh
# a Python that has all it is asked for, and notes what it is asked to install
case "$*" in
    *"-m venv"*)
        mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
        printf '#!/bin/sh\\necho started "$@"\\n' >"$3/bin/tonewatch-suite"
        chmod +x "$3/bin/tonewatch-suite" ;;
    *"-m pip install"*) echo "$@" >>"$PIP_LOG"; exit "${PIP_EXIT:-0}" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with nothing in it but what run.sh looks at."""
    root = tmp_path / "clone"
    for part in ("shared", "cli", "suite", "services/ingest", "services/inference"):
        (root / part).mkdir(parents=True)
        (root / part / "pyproject.toml").write_text(f"# {part}\n")
    shutil.copy(RUN_SH, root)
    python = tmp_path / "python"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    return root


def run(
    clone: Path, *arguments: str, python: str | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    chosen = {"PYTHON": python or str(clone.parent / "python"), "PIP_LOG": str(clone / "pip.log")}
    return subprocess.run(
        ["bash", str(clone / "run.sh"), "--no-apt", *arguments],
        env={**os.environ, **chosen, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def installed(clone: Path) -> list[str]:
    """One line for each time that pip was called."""
    log = clone / "pip.log"
    return log.read_text().splitlines() if log.exists() else []


def test_help_starts_nothing(clone: Path) -> None:
    done = run(clone, "--help")
    assert done.returncode == 0
    assert "--check" in done.stdout
    assert not (clone / ".venv").exists()


def test_without_a_python_it_says_what_to_install(clone: Path) -> None:
    done = run(clone, "--setup", python="no-such-python")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr


def test_all_is_installed_at_once_and_the_suite_gets_the_options(clone: Path) -> None:
    done = run(clone, "--demo", "--port-offset", "100", "--data", "a folder")
    assert done.returncode == 0, done.stderr
    assert "started up --demo --port-offset 100 --data a folder" in done.stdout
    (line,) = installed(clone)
    assert f"-e {clone}/shared[database]" in line
    assert f"-e {clone}/services/console" in line
    assert "constraints.txt" not in line


def test_constraints_are_used_once_they_are_there(clone: Path) -> None:
    (clone / "constraints.txt").write_text("x==1\n")
    run(clone, "--setup")
    assert f"-c {clone}/constraints.txt" in installed(clone)[0]


def test_the_second_start_installs_nothing_until_something_changed(clone: Path) -> None:
    for _ in range(2):
        assert run(clone, "--setup").returncode == 0
    assert len(installed(clone)) == 1
    (clone / "services" / "ingest" / "pyproject.toml").write_text("# changed\n")
    run(clone, "--setup")
    assert len(installed(clone)) == 2


def test_the_big_engine_is_installed_when_asked_for_and_stays(clone: Path) -> None:
    run(clone, "--setup")
    run(clone, "--engine", "emotion2vec")
    run(clone)
    small, big = installed(clone)
    assert "[emotion2vec]" not in small
    assert f"{clone}/services/inference[emotion2vec]" in big


def test_a_failed_installation_is_tried_again(clone: Path) -> None:
    done = run(clone, PIP_EXIT="1")
    assert done.returncode == 1
    assert "pip could not install the packages" in done.stderr
    assert "started" not in done.stdout
    assert "started up" in run(clone).stdout
