"""`make bench`: measures on an installation of its own and writes docs/benchmarks.md. Names of parts as arguments run only those."""

import asyncio
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import alerts, autosaves, events, growth, logins, memory, proxied, sockets, starts, stream
from benchmarks.hall import open_hall
from benchmarks.results import Figure, table

PARTS = {
    "autosaves": autosaves.measure,
    "proxied": proxied.measure,
    "events": events.measure,
    "alerts": alerts.measure,
    "sockets": sockets.measure,
    "stream": stream.measure,
    "memory": memory.measure,
    "growth": growth.measure,
    "logins": logins.measure,
    "starts": starts.measure,
}
FILE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_INTRODUCTION = """\
# Benchmarks

Written by `make bench`. Everything is measured in one run on one machine; where there is a yardstick, the figure that counts is the ratio to it.
Load generators, gateway, services, PostgreSQL and broker share the machine's cores.

"""


_LIMITS = """\
## What limits each

- **Saves through the gateway:** Python in the gateway and in attempts, about 60 µs each for a save (profiled with perf and py-spy: two thirds is the
  interpreter, a fifth of the gateway's share is the send of each reply). The statement takes about 30 µs a save with what stands around it. Analytics
  takes in the events on the same cores at a lower priority, gathered for a tenth of a second, many with one statement.
- **Half load:** clients come independently of each other, so batches are smaller than at full load. A batch costs gateway, attempts, PostgreSQL and
  those who take in its event about 2 ms of CPU together, whatever it holds; since small ones wait four milliseconds for company, 17 saves share one
  instead of 13. Two cores are two thirds busy then, the load generator included, and the slowest hundredth is what came while
  something else had a core: an automatic analysis, a burst of events, the machine itself. Of 36 rounds at a fixed rate all but two gave 23 to 64 ms
  (119 and 159); where the machine lost a third of its speed during a round, it was 100 ms and more.
- **A proxied call:** at the few hundred calls a second that the service allows, half of it is waking up: beside a service that does nothing but reply,
  with the gateway busy all the time, a call takes half as much.
- **Events into tables:** what stands around an event in each of the five services that take it in, all on the same cores: reading it from the broker,
  decoding it, its line in the inbox and in the copy, about 60 µs of Python in each and 25 µs of PostgreSQL in each database. Events that come together
  share statements and commits; one statement for each event cost 450 µs of Python in each. A start in proctoring costs about 400 µs: its row, the
  feed that proctors follow, and what its watch begins with.
- **Alerts:** four hops (commit, stream, commit, gateway), each of which may wait some tens of milliseconds for the single machine's broker.
- **A million attempts:** nothing that goes on all the time reads more than is open, which a test holds (a comparison with `clock_timestamp()` once
  read them all, four times a second).
- **Log-ins:** argon2id by design. Let students sign in before the exam opens.
"""


async def main(chosen: list[str]) -> None:
    """Runs the parts one after the other, each on a fresh installation, so that none pays for what another left behind."""
    figures: list[Figure] = []
    for name in chosen or PARTS:
        async with open_hall() as hall:
            async for figure in PARTS[name](hall):
                sys.stdout.write(figure.line() + "\n")
                sys.stdout.flush()
                figures.append(figure)
    if not chosen:
        when = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}\n\n"
        FILE.write_text(_INTRODUCTION + when + table(figures) + "\n" + _LIMITS)


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - set(PARTS):
        sys.exit(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    asyncio.run(main(sys.argv[1:]))
