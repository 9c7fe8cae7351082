"""What `examhall up` shows: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from examhall.children import State

_STYLES = {State.STARTING: "yellow", State.READY: "green", State.DIED: "red", State.STOPPED: "dim"}


@dataclass(frozen=True)
class LogIn:
    """An account to try Examhall with."""

    who: str
    login: str


class Screen:
    """Shows the parts of an installation while they come up, and what happens to them later."""

    def __init__(self, console: Console, parts: Iterable[str]) -> None:
        self._console = console
        self._began = time.monotonic()
        self._states: dict[str, tuple[State | None, float]] = dict.fromkeys(parts, (None, 0.0))
        self._doing = "Starting"
        self._live: Live | None = None
        self._had_died: set[str] = set()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, get_renderable=self._picture, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_live()

    def doing(self, what: str) -> None:
        """Says what is being done now."""
        self._doing = what
        if self._live is None:
            self._say(what)

    def changed(self, name: str, state: State, how: str, log: object) -> None:
        """Shows the new state of a part. Deaths, and the return of what had died, are always said; the rest while coming up."""
        self._states[name] = (state, self._elapsed)
        if state is State.DIED:
            self._had_died.add(name)
            self._say(f"[red]{name} died[/] ({how}); starting it again. Its log: {log}")
        elif state is State.READY and (name in self._had_died or self._live is None):
            self._say(f"[green]{name} is ready{' again' if name in self._had_died else ''}[/]")
            self._had_died.discard(name)

    def welcome(self, address: str, log_ins: Sequence[LogIn], password: str, hints: Mapping[str, str]) -> None:
        """Replaces the progress by what a person needs to go on."""
        self._end_live()
        self._console.print(f"\n[bold green]Examhall is ready[/] after {self._elapsed:.1f} s: [bold]{address}[/]\n")
        if log_ins:
            self._console.print(f"Log-ins of the demonstration, all with the password [bold]{password}[/]:")
            self._console.print(_rows((each.who, each.login) for each in log_ins))
        self._console.print("What to try next:")
        self._console.print(_rows(hints.items()))
        self._console.print("Ctrl-C stops everything; the data stays.", highlight=False)

    def failed(self, message: str) -> None:
        """Says why nothing comes up."""
        self._end_live()
        self._console.print("[bold red]Examhall does not start.[/]")
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _say(self, line: str) -> None:
        self._console.print(f"{self._elapsed:6.1f} s  {line}", highlight=False, soft_wrap=True)

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _picture(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for name, (state, seconds) in self._states.items():
            at = f"{seconds:.1f} s" if state is State.READY else ""
            table.add_row(f"  {name}", Text(state or "waiting", _STYLES[state] if state else "dim"), at)
        return Group(Spinner("dots", f"{self._doing} … {self._elapsed:.1f} s"), table)


def _rows(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for left, right in rows:
        table.add_row(f"  {left}", Text(right, "cyan"))
    return table
