"""`tonewatch analyze FILE`: a recording goes up, is scored, and its emotions are printed."""

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from tonewatch.cli.api import Api, Json, json_of
from tonewatch.cli.drawing import bars, painted, plain
from tonewatch.cli.errors import CliError, MisusedError, RefusedError
from tonewatch.cli.program import Program

POLL_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 120.0
"""How long nothing may happen while a recording is scored."""
UPLOAD_SECONDS: Final = 180.0
"""How long the console may be silent after an upload: the recording is examined then."""
NOT_YET: Final = 404
"""Storage learns of a session a moment after ingest."""


def add_analyze(app: typer.Typer, program: Program) -> None:
    """Add the command."""
    t = program.texts

    @app.command(help=t("help.analyze"))
    def analyze(
        file: Annotated[
            Path,
            typer.Argument(
                metavar="FILE", exists=True, dir_okay=False, help=t("help.analyze.file")
            ),
        ],
        *,
        channels: Annotated[
            str | None, typer.Option(metavar="LAYOUT", help=t("help.analyze.channels"))
        ] = None,
        label: Annotated[
            list[str] | None, typer.Option(metavar="NAME=VALUE", help=t("help.analyze.label"))
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help=t("help.json"))] = False,
    ) -> None:
        fields = {"labels": json.dumps(_labels(label or []))}
        if channels:
            fields["channels"] = channels

        async def work(api: Api) -> None:
            with _progress(program) as progress:
                done = await _analyse(api, program, file, fields, progress)
            if as_json:
                program.print_json(done)
            else:
                _print(program, file.name, done)

        program.run(work)


def _labels(pairs: list[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise MisusedError("error.label", text=pair)
        labels[name] = value
    return labels


def _progress(program: Program) -> Progress:
    """Bars where people watch, nothing elsewhere; they go away at the end."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=program.err,
        transient=True,
        disable=not program.err.is_terminal,
    )


async def _analyse(
    api: Api, program: Program, file: Path, fields: dict[str, str], progress: Progress
) -> Json:
    session_id = await _upload(api, program, file, fields, progress)
    session = await _scored(api, program, session_id, progress)
    return {"session": session, "segments": await _segments(api, session_id)}


async def _upload(
    api: Api, program: Program, file: Path, fields: dict[str, str], progress: Progress
) -> str:
    words = program.texts("analyze.uploading", name=plain(file.name))
    try:
        with progress.open(file, "rb", description=words) as body:
            answer = await api.send(
                "POST",
                "audio",
                data=fields,
                files={"file": (file.name, body, "application/octet-stream")},
                timeout=UPLOAD_SECONDS,
            )
    except OSError as error:
        raise CliError("error.file", file=file, reason=error) from error
    return str(json_of(answer)["session_id"])


async def _scored(api: Api, program: Program, session_id: str, progress: Progress) -> Json:
    """The session once every second of it is scored or lies in a gap."""
    task = progress.add_task(program.texts("analyze.scoring"), total=None)
    known, changed_at = -1, time.monotonic()
    while True:
        upload = await _perhaps(api, f"audio/{session_id}")
        if upload.get("state") == "failed":
            raise CliError("error.recording", reason=plain(upload.get("error") or "?"))
        session = await _perhaps(api, f"sessions/{session_id}")
        if session.get("complete"):
            return session
        now_known = session.get("scored", 0) + session.get("gaps", 0)
        _show(progress, task, now_known, upload, session)
        if now_known != known:
            known, changed_at = now_known, time.monotonic()
        elif time.monotonic() - changed_at > PATIENCE_SECONDS:
            raise CliError("error.not_scored", seconds=round(PATIENCE_SECONDS), id=session_id)
        await asyncio.sleep(POLL_SECONDS)


def _show(progress: Progress, task: TaskID, known: int, upload: Json, session: Json) -> None:
    frames = upload.get("frames") or session.get("frames") or 0
    total = frames * max(1, len(session.get("speakers", ())))
    progress.update(task, completed=known, total=total or None)


async def _perhaps(api: Api, path: str) -> Json:
    try:
        return await api.get(path)
    except RefusedError as error:
        if error.status == NOT_YET:
            return {}
        raise


async def _segments(api: Api, session_id: str) -> list[Json]:
    found: list[Json] = []
    following: int | None = 0
    while following is not None:
        part = await api.get(f"sessions/{session_id}/segments", from_seq=following)
        found += part["items"]
        following = part["next_seq"]
    return found


def _print(program: Program, name: str, done: Json) -> None:
    t, session = program.texts, done["session"]
    seconds = f"{session['duration_seconds']:.0f}"
    program.say("analyze.done", name=plain(name), seconds=seconds, id=session["session_id"])
    if not session["speech_seconds"]:
        program.say("analyze.no_speech")
        return
    main = painted(session["emotion"], t)
    main.stylize("bold")
    confidence = f"{session['confidence']:.2f}"
    words = t("analyze.main", confidence=confidence, seconds=session["speech_seconds"])
    program.out.print(Text.assemble(main, f" {words}"))
    for line in bars(session["probabilities"] or {}, t):
        program.out.print(line)
    speakers = {segment["speaker"] for segment in done["segments"]}
    for segment in done["segments"]:
        program.out.print(_segment_line(program, segment, with_speaker=len(speakers) > 1))


def _segment_line(program: Program, segment: dict[str, Any], *, with_speaker: bool) -> Text:
    line = Text(f"[{segment['start_seconds']:.1f}-{segment['end_seconds']:.1f} s] ")
    if with_speaker:
        line.append(program.texts.named("speaker", segment["speaker"]) + " ", "dim")
    line.append_text(painted(segment["emotion"], program.texts))
    return line.append(f" {segment['confidence']:.2f}")
