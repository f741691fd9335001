"""What every command has at hand: texts, a terminal, and the API of the account."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from tonewatch.cli.account import account_file, current_account
from tonewatch.cli.api import Api
from tonewatch.cli.texts import Texts


class Program:
    """One call of the command."""

    def __init__(self, texts: Texts, environ: Mapping[str, str]) -> None:
        self.texts = texts
        self.environ = environ
        self.out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

    @property
    def file(self) -> Path:
        """Where the account is kept."""
        return account_file()

    def run(self, work: Callable[[Api], Awaitable[None]]) -> None:
        """Do something with the API.

        Raises:
            CliError: it failed, or nobody is signed in.
        """
        asyncio.run(self._with_api(work))

    def follow(self, work: Callable[[Api], Awaitable[None]]) -> None:
        """Do something that goes on until Ctrl-C, which is then no failure."""
        try:
            self.run(work)
        except KeyboardInterrupt:
            self.err.print()

    def say(self, key: str, **places: Any) -> None:
        """Print a text of the catalogue."""
        self.out.print(Text(self.texts(key, **places)))

    def warn(self, key: str, **places: Any) -> None:
        """Print a text of the catalogue where it does not mix with the answer."""
        self.err.print(Text(self.texts(key, **places), style="yellow"))

    def print_json(self, value: Any) -> None:
        """Print an answer for programs."""
        self.out.print(Text(json.dumps(value, ensure_ascii=False, indent=2)))

    async def _with_api(self, work: Callable[[Api], Awaitable[None]]) -> None:
        api = Api(current_account(self.environ, self.file))
        try:
            await work(api)
        finally:
            await api.close()
