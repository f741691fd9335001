"""`tonewatch alerts`: the inbox, as it is and as it fills, and what people do with it."""

from contextlib import aclosing
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import typer
from rich.text import Text

from tonewatch.cli.api import Api
from tonewatch.cli.drawing import local_time, plain
from tonewatch.cli.errors import CliError
from tonewatch.cli.events import Feed
from tonewatch.cli.program import Program

Verdict = Literal["right", "false_alarm", "needs_coaching"]
State = Literal["firing", "resolved"]

STYLES: Final = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}


def add_alerts(app: typer.Typer, program: Program) -> None:
    """Add the group of commands."""
    t = program.texts
    group = typer.Typer(invoke_without_command=True, help=t("help.alerts"))
    app.add_typer(group, name="alerts")

    @group.callback()
    def alerts(
        context: typer.Context,
        *,
        state: Annotated[State | None, typer.Option(help=t("help.alerts.state"))] = None,
        limit: Annotated[int, typer.Option(min=1, max=500, help=t("help.alerts.limit"))] = 20,
        follow: Annotated[
            bool, typer.Option("--follow", "-f", help=t("help.alerts.follow"))
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help=t("help.json"))] = False,
    ) -> None:
        if context.invoked_subcommand is not None:
            return

        async def listing(api: Api) -> None:
            found = (await api.get("inbox", state=state, limit=limit))["items"]
            if as_json:
                program.print_json(found)
                return
            for each in reversed(found):
                program.out.print(alert_line(program, each))
            if not found and not follow:
                program.say("alerts.none")

        async def following(api: Api) -> None:
            cursor = (await api.get("live"))["cursor"]
            await listing(api)
            await _follow(program, api, cursor)

        if follow:
            program.follow(following)
        else:
            program.run(listing)

    _add_acts(group, program)


def _add_acts(group: typer.Typer, program: Program) -> None:
    t = program.texts
    Id = Annotated[str, typer.Argument(metavar="ID", help=t("help.alerts.id"))]  # noqa: N806
    Comment = Annotated[str, typer.Option(help=t("help.alerts.comment"))]  # noqa: N806

    @group.command(help=t("help.alerts.ack"))
    def ack(alert_id: Id, *, comment: Comment = "") -> None:
        async def work(api: Api) -> None:
            done = await _act(api, alert_id, "acknowledge", {"comment": comment})
            first = done["acknowledged"]["by"]
            key = "alerts.acknowledged" if done["changed"] else "alerts.already"
            program.say(key, id=plain(alert_id), by=plain(first))

        program.run(work)

    @group.command(help=t("help.alerts.resolve"))
    def resolve(
        alert_id: Id,
        *,
        verdict: Annotated[Verdict, typer.Option(help=t("help.alerts.verdict"))],
        comment: Comment = "",
    ) -> None:
        async def work(api: Api) -> None:
            await _act(api, alert_id, "close", {"comment": comment, "verdict": verdict})
            program.say("alerts.closed", id=plain(alert_id), verdict=t.named("verdict", verdict))

        program.run(work)


async def _act(api: Api, alert_id: str, what: str, act: dict[str, str]) -> dict[str, Any]:
    answer = await api.send("POST", f"inbox/{quote(alert_id, safe='')}/{what}", json=act)
    body: dict[str, Any] = answer.json()
    return body


async def _follow(program: Program, api: Api, cursor: str) -> None:
    trouble = False

    def lost(error: CliError | None) -> None:
        nonlocal trouble
        if error is not None and not trouble:
            program.warn(error.key, **error.places)
            program.warn("tail.lost")
        elif error is None and trouble:
            program.warn("tail.back")
        trouble = error is not None

    feed = Feed(api, cursor, lost)
    async with aclosing(feed.events()) as events:
        async for event in events:
            if event.name == "reset":
                feed.cursor = (await api.get("live"))["cursor"]
                program.warn("alerts.missed")
            elif event.name == "alert":
                program.out.print(alert_line(program, event.data))


def alert_line(program: Program, alert: dict[str, Any]) -> Text:
    """One alert, of the inbox or of the event stream, on a line."""
    t, state, priority = program.texts, str(alert["state"]), str(alert["priority"])
    at = alert.get("fired_at") or alert.get("at") or alert.get("started_at")
    line = Text(f"{local_time(at)} ")
    line.append(t.named("priority", priority), STYLES.get(priority, ""))
    line.append(f" {t.named('alert', state)}", "bold" if state == "firing" else "dim")
    line.append(f" {plain(alert['rule'])}")
    emotions = "+".join(t.emotion(each) for each in alert["emotions"])
    line.append(f" {plain(emotions)} {alert['value']:.2f}/{alert['threshold']:.2f}")
    labels = " ".join(f"{name}={value}" for name, value in alert["labels"].items())
    line.append(f" {plain(labels)}" if labels else "", "dim")
    if alert.get("acknowledged"):
        line.append(f" {t('alerts.seen_by', by=plain(alert['acknowledged']['by']))}", "dim")
    if alert.get("verdict"):
        line.append(f" {t.named('verdict', alert['verdict'])}", "dim")
    return line.append(f" {plain(alert['alert_id'])}", "dim")
