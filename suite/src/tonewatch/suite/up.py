"""Starts the suite, keeps it running until somebody stops it, or checks it and stops it itself."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final

from tonewatch.shared.errors import TonewatchError
from tonewatch.shared.http import HTTPError, create_client
from tonewatch.shared.settings import Settings
from tonewatch.suite.check import Check, Sighting
from tonewatch.suite.demo import source as demo_source
from tonewatch.suite.log import SuiteLog
from tonewatch.suite.options import Engine
from tonewatch.suite.plan import Plan, urls
from tonewatch.suite.ports import require_free
from tonewatch.suite.readiness import READY_LIMIT, wait_ready
from tonewatch.suite.supervisor import Failure, Supervisor

HINT_LINES: Final = 6
LAST_LINES: Final = 3
SUSPECTS: Final = {
    "score": ("rtmp", "relay", "publisher", "ingest", "inference"),
    "stored": ("storage",),
    "alert": ("alerting",),
    "webhook": ("alerting", "receiver"),
}


async def up(plan: Plan, log: SuiteLog) -> int:
    """Run the plan; returns the exit code.

    Raises:
        TonewatchError: it could not be started; the message says what to do.
    """
    with plan.folder.owned():
        require_free(plan.ports_used())
        for file in plan.folder.add_missing_configuration(plan.root / "deploy" / "config"):
            log.say(f"made {file} from the defaults; it is yours to edit")
        plan.broker.prepare()
        try:
            async with _supervised(log) as supervisor:
                stop = _stop_requested(supervisor, log)
                return await _until_told(Suite(plan, log, supervisor), stop)
        finally:
            plan.broker.clean_up()


async def _until_told(suite: "Suite", stop: asyncio.Event) -> int:
    """The suite's own end, a person's wish, or a process that cannot start: what comes first."""
    work = asyncio.create_task(suite.run())
    wish = asyncio.create_task(stop.wait())
    failed = suite.supervisor.failed
    ends: set[asyncio.Future[Any]] = {work, wish, failed}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in (work, wish):
        task.cancel()
    await asyncio.gather(work, wish, return_exceptions=True)
    await suite.forget_demo()
    if failed.done():
        raise TonewatchError("\n".join(suite.last_words(failed.result())))
    if not work.cancelled():
        return work.result()
    return suite.interrupted_code


@asynccontextmanager
async def _supervised(log: SuiteLog) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(log)
    try:
        yield supervisor
    finally:
        log.say("stopping")
        await supervisor.stop()
        log.say("all stopped")


def _stop_requested(supervisor: Supervisor, log: SuiteLog) -> asyncio.Event:
    """Set by the first signal; a second one ends all processes at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(name: str) -> None:
        if stop.is_set():
            log.say(f"{name} again: ending all processes at once")
            supervisor.kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # under nohup the end of the terminal is to be ignored
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, on_signal, number.name)
    return stop


class Suite:
    """One start of a plan."""

    def __init__(self, plan: Plan, log: SuiteLog, supervisor: Supervisor) -> None:
        self._plan = plan
        self._log = log
        self.supervisor = supervisor

    def last_words(self, failure: Failure) -> list[str]:
        """Why the suite cannot start: which process, and what it said last."""
        said = self._log.tail(failure.name, LAST_LINES)
        return [f"{failure.name} {failure.how} and does not start; it said:", *said]

    @property
    def interrupted_code(self) -> int:
        """A stopped suite did well; a stopped check did not check."""
        return 1 if self._plan.options.check else 0

    async def run(self) -> int:
        """Start everything; then check, or wait to be stopped."""
        started = asyncio.get_running_loop().time()
        await self._start()
        self._announce(asyncio.get_running_loop().time() - started)
        if self._plan.options.check:
            return await self._check()
        if self._plan.options.demo:
            self._tell_demo((await self._play_demo()).push_url)
        await asyncio.Event().wait()
        return 0

    async def _start(self) -> None:
        plan = self._plan
        broker = plan.broker.child()
        self.supervisor.start(broker)
        await wait_ready([broker], self._log, READY_LIMIT)
        children = plan.children()
        for child in children:
            self.supervisor.start(child)
        # a first start of emotion2vec downloads the model, however long that takes
        patient = plan.options.effective_engine == Engine.EMOTION2VEC
        await wait_ready(children, self._log, None if patient else READY_LIMIT)
        self.supervisor.settled = True

    def _announce(self, seconds: float) -> None:
        self._log.say(f"Tonewatch is ready ({seconds:.1f} s)")
        for name, url in urls(self._plan):
            self._log.say(f"  {name:<10} {url}")
        if self._plan.options.check:
            return
        if link := self._plan.folder.first_sign_in:  # shown to the person who started it
            self._log.say(f"nobody has an account yet; the first admin signs in here: {link}")
        self._log.say("Ctrl-C stops everything")

    async def _play_demo(self) -> demo_source.DemoSource:
        plan = self._plan
        async with plan.client("ingest") as ingest:
            if plan.nginx is None:
                self._log.say("without nginx-rtmp the demo is pulled over HTTP instead of pushed")
                return await demo_source.pull_source(ingest, plan.relay_url)
            source = await demo_source.push_source(ingest, plan.rtmp_base)
        self.supervisor.start(plan.publisher(source.push_url))
        return source

    async def forget_demo(self) -> None:
        """Leave no source behind that would be pulled in vain at the next start."""
        if not (self._plan.options.plays_demo and self._plan.nginx is None):
            return
        async with self._plan.client("ingest") as ingest:
            with suppress(HTTPError, TonewatchError):  # the next demo tries again
                await demo_source.remove_pull_source(ingest)

    def _tell_demo(self, push_url: str) -> None:
        self._log.say(f"the demo call is playing: watch {self._plan.url('console')}")
        if push_url:  # shown to the person who started it, this once; it is new at each start
            self._log.say(f"  {'demo key':<10} {push_url}")

    async def _check(self) -> int:
        plan = self._plan
        async with AsyncExitStack() as stack:
            broker = plan.broker.connect("check", Settings.load().partitions)
            stack.push_async_callback(broker.close)
            storage = await stack.enter_async_context(plan.client("storage"))
            receiver = await stack.enter_async_context(create_client(base_url=plan.url("receiver")))
            check = Check(broker, storage, receiver, self._tell)
            await check.prepare()
            source = await self._play_demo()
            if await check.run(source.source_id, timedelta(seconds=plan.options.check_seconds)):
                print("PASS", flush=True)
                return 0
            await self._explain(check.missing, source.source_id)
        return 1

    def _tell(self, sighting: Sighting) -> None:
        print(sighting.line(), flush=True)

    async def _explain(self, missing: list[str], source_id: str) -> None:
        """Name what was not seen, and show the last words of those who should have done it."""
        limit = self._plan.options.check_seconds
        print(f"FAIL not seen within {limit:g} s: {', '.join(missing)}")
        async with self._plan.client("ingest") as ingest:
            print(f"  {await demo_source.describe(ingest, source_id)}")
        for name in dict.fromkeys(SUSPECTS[missing[0]]):
            for line in self._log.tail(name, HINT_LINES):
                print(f"  {name} | {line}")
        print(end="", flush=True)
