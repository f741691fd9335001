"""What a file of cases may say, and how it is read."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from tonewatch.alerting.cases._audio import Tick, seconds_of, ticks_of_series, ticks_of_text
from tonewatch.alerting.rules import MAX_BYTES, Problem, RulesError, read_yaml
from tonewatch.alerting.rules._problems import path_in, problem_at
from tonewatch.shared.messages import Priority, Speaker

DEFAULT_START: Final = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


def _check_stretch(text: str) -> str:
    ticks_of_text(text)
    return text


class _CaseModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Series(_CaseModel):
    """Values of emotions one by one."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, tuple[float, ...]] = Field(init=False)

    step_sec: Annotated[float, Field(ge=0.1, le=1, multiple_of=0.1)] = 1.0

    @model_validator(mode="after")
    def _is_a_track(self) -> Self:
        self.ticks()
        return self

    def ticks(self) -> list[Tick]:
        """As the engine's steps."""
        return ticks_of_series(self.__pydantic_extra__ or {}, self.step_sec)


class ExpectedAlert(_CaseModel):
    """An alert that should fire; what is left out may be anything."""

    rule: str
    fires_at_sec: float
    resolves_at_sec: float | None = None
    priority: Priority | None = None
    message: str | None = None


class Case(_CaseModel):
    """One track, and all alerts that it should cause."""

    name: str
    audio: tuple[Annotated[str, AfterValidator(_check_stretch)] | Series, ...] = Field(min_length=1)
    expect: tuple[ExpectedAlert, ...]
    rules: tuple[str, ...] = Field(default=(), description="Only these; all if left out")
    speaker: Speaker = Speaker.MIXED
    labels: dict[str, str] = Field(default_factory=dict)
    source_id: str = "source"
    starts_at: AwareDatetime = DEFAULT_START

    @model_validator(mode="after")
    def _is_a_track(self) -> Self:
        list(seconds_of(self.ticks(), self.starts_at))
        return self

    def ticks(self) -> list[Tick]:
        """The whole track."""
        ticks: list[Tick] = []
        for part in self.audio:
            ticks += ticks_of_text(part) if isinstance(part, str) else part.ticks()
        return ticks


class CasesFile(_CaseModel):
    """The whole of cases.yaml."""

    cases: tuple[Case, ...] = Field(min_length=1, max_length=10_000)


def load_cases(file: Path) -> CasesFile:
    """Read a file of cases.

    Raises:
        RulesError: it cannot be read, or has mistakes; each with line and field.
    """
    try:
        content = file.read_bytes()[: MAX_BYTES + 1]
    except OSError as error:
        reason = error.strerror or str(error)
        raise RulesError([Problem(str(file), 1, 1, "", f"cannot be read: {reason}")]) from error
    document = read_yaml(content, str(file))
    try:
        return CasesFile.model_validate(document.data)
    except ValidationError as error:
        raise RulesError(
            problem_at(path_in(document.data, detail["loc"]), detail["msg"], document, str(file))
            for detail in error.errors(include_url=False)
        ) from None
