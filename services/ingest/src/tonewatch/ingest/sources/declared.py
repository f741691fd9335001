"""The sources file: declared sources, checked so that an error names the file and the line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from tonewatch.ingest.sources.keys import LEAST_KEY_CHARACTERS, hash_key, uuid_key
from tonewatch.ingest.sources.model import Origin, Source, SourceKind, check_voices
from tonewatch.ingest.sources.urls import PullRules, checked_url
from tonewatch.ingest.sources.voices import Layout, Voices
from tonewatch.shared.errors import ConfigurationError, InvalidInputError
from tonewatch.shared.ids import derived_id
from tonewatch.shared.messages import LabelName, Labels, Speaker


class _Entry(BaseModel):
    """One item of the file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(min_length=1, max_length=256)]
    kind: Literal["pull", "rtmp", "websocket", "audiosocket"] | None = None
    url: Annotated[str, Field(max_length=2048)] | None = None
    stream_key: Annotated[SecretStr, Field(min_length=LEAST_KEY_CHARACTERS)] | None = None
    labels: Labels = Field(default_factory=dict, max_length=32)
    channels: Layout = Layout.MIXED
    policy: dict[Speaker, Literal["on", "off"] | bool] = Field(default_factory=dict)
    permitted_labels: list[LabelName] = Field(default_factory=list, max_length=32)

    @model_validator(mode="after")
    def _is_one_kind(self, info: ValidationInfo) -> Self:
        try:
            if self.source_kind is SourceKind.PULL:
                self._check_pull((info.context or {}).get("rules"))
            else:
                self._check_key()
            check_voices(self.source_kind, self.voices)
        except InvalidInputError as error:
            raise ValueError(error.message) from error
        return self

    def _check_pull(self, rules: PullRules | None) -> None:
        if self.url is None:
            raise InvalidInputError("a pull source needs a url")
        if self.stream_key is not None:
            raise InvalidInputError(
                "stream_key belongs to sources that audio is sent to, not to url"
            )
        checked_url(self.url, rules)

    def _check_key(self) -> None:
        if self.url is not None:
            raise InvalidInputError(f"{self.kind} sources have no url: the audio is sent to them")
        _ = self.key_hash

    @property
    def source_kind(self) -> SourceKind:
        """The kind, which need not be said."""
        return SourceKind(self.kind or ("pull" if self.url else "rtmp"))

    @property
    def key_hash(self) -> str | None:
        """What is kept of the key.

        Raises:
            InvalidInputError: a source of this kind cannot have such a key.
        """
        if self.stream_key is None:
            return None
        key = self.stream_key.get_secret_value()
        return hash_key(uuid_key(key) if self.source_kind is SourceKind.AUDIOSOCKET else key)

    @property
    def voices(self) -> Voices:
        """YAML reads a bare `off` as false, so both are taken."""
        off = {speaker for speaker, switch in self.policy.items() if switch in ("off", False)}
        return Voices(self.channels, frozenset(off))


class _File(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    sources: list[_Entry] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Declared:
    """What a sources file says."""

    path: Path
    sources: tuple[Source, ...]


def read_declared(path: Path, now: datetime, rules: PullRules | None = None) -> Declared:
    """Read a sources file; `rules` say what may be pulled.

    Raises:
        ConfigurationError: it cannot be used; the message names the file, each line and field.
    """
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        parsed = _File.model_validate(yaml.safe_load(text) or {}, context={"rules": rules})
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{path}:{line}: not valid YAML: {error.problem}") from error
    except ValidationError as error:
        problems = "\n".join(f"  {path}:{_describe(root, item)}" for item in error.errors())
        raise ConfigurationError(f"the sources file cannot be used:\n{problems}") from error
    _refuse_repeats(path, root, parsed.sources)
    return Declared(path, tuple(_source(entry, now) for entry in parsed.sources))


def _source(entry: _Entry, now: datetime) -> Source:
    return Source(
        id=derived_id("source", entry.name),
        name=entry.name,
        kind=entry.source_kind,
        url=entry.url,
        key_hash=entry.key_hash,
        labels=dict(entry.labels),
        voices=entry.voices,
        permitted_labels=tuple(entry.permitted_labels),
        origin=Origin.FILE,
        created_at=now,
    )


def _refuse_repeats(path: Path, root: yaml.Node | None, entries: Sequence[_Entry]) -> None:
    for field in ("name", "stream_key"):
        values = [getattr(entry, field) for entry in entries]
        for index, value in enumerate(values):
            if value is not None and value in values[:index]:
                line = line_of(root, ("sources", index, field))
                raise ConfigurationError(f"{path}:{line}: sources[{index}].{field}: used twice")


def _describe(root: yaml.Node | None, item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"]) or "file"
    return f"{line_of(root, item['loc'])}: {where}: {item['msg']}"


def line_of(root: yaml.Node | None, location: Sequence[int | str]) -> int:
    """The line (from 1) of the deepest node on the way to a location that the document has."""
    node, line = root, 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == part), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
