"""`tonewatch tail`: live calls as ribbons in a terminal, as lines elsewhere."""

import asyncio
from contextlib import aclosing
from typing import Annotated, Final

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from tonewatch.cli.api import Api
from tonewatch.cli.board import Board
from tonewatch.cli.commands.alerts import alert_line
from tonewatch.cli.drawing import legend, painted, plain, ribbon
from tonewatch.cli.errors import CliError
from tonewatch.cli.events import Event, Feed
from tonewatch.cli.program import Program

DRAW_SECONDS: Final = 0.25
LEFT_CELLS: Final = 40
"""Room for name, voice and emotion beside a ribbon."""
NAME_CELLS: Final = 20
LEAST_RIBBON_CELLS: Final = 10
SHOWN_ALERTS: Final = 5


def add_tail(app: typer.Typer, program: Program) -> None:
    """Add the command."""
    t = program.texts

    @app.command(help=t("help.tail"))
    def tail(
        call: Annotated[
            str | None, typer.Argument(metavar="CALL", help=t("help.tail.call"))
        ] = None,
    ) -> None:
        async def work(api: Api) -> None:
            watch = _Watch(program, api, call)
            if program.out.is_terminal:
                await watch.draw()
            else:
                await watch.print_lines()

        program.follow(work)


class _Watch:
    """The board, kept up to date from the feed."""

    def __init__(self, program: Program, api: Api, call: str | None) -> None:
        self._program = program
        self._api = api
        self._call = call
        self._trouble: CliError | None = None
        self._board = Board(call)
        self._feed = Feed(api, None, self._on_lost)

    async def print_lines(self) -> None:
        """A line for each second that is scored, and for each alert."""
        await self._start()
        async with aclosing(self._feed.events()) as events:
            async for event in events:
                if await self._take(event) and (line := self._line(event)):
                    self._program.out.print(line)
                if self._board.is_over:
                    return

    async def draw(self) -> None:
        """The ribbons, drawn again a few times a second."""
        await self._start()
        with Live(console=self._program.out, auto_refresh=False) as live:
            reading = asyncio.create_task(self._read())
            try:
                while not reading.done():
                    live.update(self._picture(), refresh=True)
                    await asyncio.wait({reading}, timeout=DRAW_SECONDS)
                live.update(self._picture(), refresh=True)
            finally:
                reading.cancel()
        await reading

    async def _read(self) -> None:
        async with aclosing(self._feed.events()) as events:
            async for event in events:
                await self._take(event)
                if self._board.is_over:
                    return

    async def _start(self) -> None:
        live = await self._api.get("live")
        self._board.start(live)
        self._feed.cursor = live["cursor"]
        if self._call is not None and not self._board.calls:
            raise CliError("error.no_call", call=plain(self._call))

    async def _take(self, event: Event) -> bool:
        """Note an event; whether it is about a call that is watched."""
        if event.name == "reset":  # more was missed than the console remembers
            live = await self._api.get("live")
            self._board.start(live)
            self._feed.cursor = live["cursor"]
            return False
        return self._board.take(event)

    def _on_lost(self, error: CliError | None) -> None:
        is_news = (error is None) != (self._trouble is None)
        self._trouble = error
        if is_news and not self._program.out.is_terminal:
            if error is None:
                self._program.warn("tail.back")
            else:
                self._program.warn(error.key, **error.places)
                self._program.warn("tail.lost")

    def _line(self, event: Event) -> Text | None:
        t, data = self._program.texts, event.data
        if event.name == "alert":
            return alert_line(self._program, data)
        name = plain(self._board.name_of(data["session_id"]))
        speaker = t.named("speaker", data.get("speaker", ""))
        if event.name == "score":
            line = Text(f"{name} {speaker} [{data['seq']} s] ")
            line.append_text(painted(data["emotion"], t))
            return line.append(f" {data['confidence']:.2f}")
        if event.name == "gap":
            seconds = f"[{data['first_seq']}-{data['last_seq']} s]"
            return Text(f"{name} {speaker} {seconds} {t.emotion('gap')} ({plain(data['reason'])})")
        if event.name == "session":
            return Text(f"{name} {t.named('session', data['state'])}", style="dim")
        return None

    def _picture(self) -> Group:
        t, rows = self._program.texts, []
        width = max(LEAST_RIBBON_CELLS, self._program.out.width - LEFT_CELLS)
        for call in self._board.calls:
            for speaker, track in call.tracks.items():
                emotion = track.newest
                row = Text(plain(call.name))
                row.truncate(NAME_CELLS, pad=True)
                voice = Text(f" {t.named('speaker', speaker)}")
                voice.truncate(9, pad=True)
                feeling = painted(emotion, t) if emotion else Text("")
                feeling.truncate(LEFT_CELLS - NAME_CELLS - 9 - 1, pad=True)
                rows.append(row + voice + feeling + Text(" ") + ribbon(track.last(width)))
        if not rows:
            rows.append(Text(t("tail.quiet"), style="dim"))
        rows += [alert_line(self._program, each) for each in self._board.alerts[-SHOWN_ALERTS:]]
        if self._trouble is not None:
            rows.append(Text(t(self._trouble.key, **self._trouble.places), style="red"))
            rows.append(Text(t("tail.lost"), style="red"))
        return Group(*rows, legend(t))
