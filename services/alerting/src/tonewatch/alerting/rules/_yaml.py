"""YAML with places: plain data, and where in the file each key and value stands.

PyYAML's `safe_load` forgets lines. Here the node tree is kept just long enough to note them. Files
that could grow when read (anchors and aliases), or that nest without end, are refused before
anything is built from them.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Path = tuple[str | int, ...]

MAX_DEPTH: Final = 16
_PLAIN_TAGS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, counted from 1."""

    line: int
    column: int


class YamlMistake(Exception):  # noqa: N818 - it becomes a Problem of a RulesError
    """The file is no YAML that is accepted here."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


@dataclass(slots=True)
class Document:
    """Plain data, and the places of its keys and values by path."""

    data: Any = None
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    mistakes: list[tuple[Path, Place, str]] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Where a key stands, or else the value, or else the nearest thing around it."""
        while path:
            found = self.keys.get(path) or self.values.get(path)
            if found:
                return found
            path = path[:-1]
        return self.values.get((), Place(1, 1))


def read(text: str) -> Document:
    """Read one YAML document.

    Raises:
        YamlMistake: it cannot be parsed, or it is refused.
    """
    document = Document()
    try:
        _refuse_what_grows(text)
        node = yaml.compose(text, Loader=_LOADER)
        if node is not None:
            document.data = _build(node, (), document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        raise YamlMistake(place, f"this is not valid YAML: {error.problem or error}") from error
    except yaml.YAMLError as error:
        raise YamlMistake(Place(1, 1), f"this is not valid YAML: {error}") from error
    return document


def _refuse_what_grows(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlMistake(_place(event), "anchors and aliases (& and *) are not accepted here")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise YamlMistake(_place(event), f"more than {MAX_DEPTH} levels are not accepted here")


def _build(node: yaml.Node, path: Path, document: Document) -> Any:
    document.values[path] = _place(node)
    if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
        raise YamlMistake(_place(node), f"the tag {node.tag} is not accepted here")
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, index), document) for index, item in enumerate(node.value)]
    return yaml.SafeLoader("").construct_object(node)


def _build_mapping(node: yaml.MappingNode, path: Path, document: Document) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        here = (*path, key)
        if key in built:
            document.mistakes.append((here, _place(key_node), "this key stands here twice"))
        document.keys.setdefault(here, _place(key_node))
        built[key] = _build(value_node, here, document)
    return built


def _place(thing: Any) -> Place:
    return Place(thing.start_mark.line + 1, thing.start_mark.column + 1)
