"""`.env.example` is the list of what the compose files can be told; it must be whole and true."""

import re
from pathlib import Path

DEPLOY = Path(__file__).parents[3] / "deploy"
COMPOSE_FILES = ("docker-compose.yml", "docker-compose.gpu.yml")


def documented() -> dict[str, str]:
    lines = (DEPLOY / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]", line))


def used() -> dict[str, set[str]]:
    """Every variable that the compose files read, with the defaults they give it."""
    found: dict[str, set[str]] = {}
    for name in COMPOSE_FILES:
        text = re.sub(r"\$\{[A-Z_]+:\+,\}", "", (DEPLOY / name).read_text())
        while pairs := re.findall(r"\$\{([A-Z_]+):-([^${}]*)\}", text):
            for variable, default in pairs:
                found.setdefault(variable, set()).add(default)
                text = text.replace(f"${{{variable}:-{default}}}", default)
        assert "${" not in text, "every variable has a default, so that nothing is required"
    return found


def test_every_variable_of_the_compose_files_is_in_the_example() -> None:
    assert set(used()) - set(documented()) == set()


def test_the_example_names_no_variable_that_nothing_reads() -> None:
    assert set(documented()) - set(used()) == set()


def test_the_example_shows_the_real_defaults() -> None:
    example = documented()
    wrong = {name: defaults for name, defaults in used().items() if defaults != {example[name]}}
    assert wrong == {}
