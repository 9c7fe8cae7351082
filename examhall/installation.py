"""All processes of a single machine, and the order in which they come and go."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from examhall import servers
from examhall.children import Keeper, Nursery, Part, PartFailed, Process, Program, answers_ready, last_words
from examhall.demo.content import ADMIN, DEMO_PASSWORD, INSTRUCTORS, STUDENTS
from examhall.journal import Journal
from examhall.nursery import Wanted
from examhall.places import Places
from examhall.running import PartRecord, this_process
from examhall.screen import LogIn, Screen
from examhall.serving import GATEWAY, modules_of, workers_of
from proto.catalogue import STREAM

NURSERY = "nursery"
# Figures and marks may come later, what a proctor should see within a second, a save at once.
_NICENESS = {"analytics": 10, "grading": 5, STREAM: 3, "proctoring": 2}
SERVERS = ("postgres", "redis", "broker")
# Who takes requests goes first, then who answers them, last where the data is; together less than the 15 s that stopping may take.
_STOP_SECONDS = {GATEWAY: 5.0, NURSERY: 0.5, "postgres": 3.0, "redis": 2.0, "broker": 2.0}
_SERVICE_STOP_SECONDS = 6.0


@dataclass(frozen=True)
class Wish:
    """What is to be brought up: where its data lies, where people find it, which services, with the demonstration or without."""

    folder: Path
    port: int
    services: Sequence[str]
    with_demo: bool


class Installation:
    """The processes that a wish means, on their places, in the environment that was given."""

    def __init__(self, wish: Wish, places: Places, environment: Mapping[str, str], console: Console) -> None:
        self._wish = wish
        self._workers = workers_of(wish.services)
        self._places = places
        self._environment = environment
        self._servers = places.servers(environment)
        self._journal = Journal(places.logs / "up.log")
        self._nursery = Nursery([*modules_of(wish.services), "examhall.preparing"], places.logs / f"{NURSERY}.log")
        parts = [
            *self._own_servers(),
            Part(NURSERY, self._nursery.open, self._nursery.is_ready, self._log(NURSERY), _STOP_SECONDS[NURSERY]),
            *(self._served(service, _SERVICE_STOP_SECONDS) for service in wish.services),
            *(self._served(worker, _SERVICE_STOP_SECONDS, is_needed=False) for worker in self._workers),
            self._served(GATEWAY, _STOP_SECONDS[GATEWAY]),
        ]  # fmt: skip
        self._keepers = {part.name: Keeper(part, self._changed) for part in parts}
        self._record = this_process(places.gateway_port, places.address, self._servers.named)
        self.screen = Screen(console, self._keepers)

    async def bring_up(self) -> None:
        """Returns when everything that people need is ready; workers may still be on their way. Raises PartFailed when something does not come up."""
        self._journal.write("starting", folder=str(self._places.folder), address=self._places.address)
        first, served = self._chosen([NURSERY, *SERVERS]), self._chosen([*self._wish.services, GATEWAY])
        self.screen.doing("Starting the servers")
        _start(first)
        await _all_ready(first)
        self.screen.doing("Preparing the databases")
        await self._prepare()
        self.screen.doing("Starting the services")
        _start([*served, *self._chosen(self._workers)])
        await _all_ready(served)
        self._journal.write("ready")

    async def stop(self) -> None:
        """Stops everything, stage after stage."""
        self._journal.write("stopping")
        self.screen.doing("Stopping")
        for stage in ([GATEWAY], [*self._wish.services, *self._workers], [NURSERY], SERVERS):
            await asyncio.gather(*[keeper.stop() for keeper in self._chosen(stage)])
        self._journal.write("stopped")

    def welcome(self) -> None:
        """Shows where it is and what to do with it."""
        address = self._places.address
        hints = {"every route of the interface": f"{address}/docs"}
        log_ins = []
        if self._wish.with_demo:
            log_ins = [
                LogIn("administrator", ADMIN.email),
                LogIn("instructor", INSTRUCTORS[0].email),
                LogIn("student", STUDENTS[0].registration_number),
            ]
        else:
            hints["a first administrator"] = "start with EXAMHALL_ADMIN_EMAIL and EXAMHALL_ADMIN_PASSWORD set"
        hints |= {"a dress rehearsal of 200 students": "make rehearse", "what runs, and how it is": "make status"}
        self.screen.welcome(address, log_ins, DEMO_PASSWORD, hints)

    async def _prepare(self) -> None:
        log = self._log("prepare")
        needs_topics = self._servers.named.get("broker", "")
        arguments = [self._servers.postgres, list(self._wish.services), self._wish.with_demo, needs_topics]
        process = await self._nursery.start(
            Wanted("examhall.preparing:prepare", arguments, self._environment, str(log))
        )
        if await process.ended != 0:
            raise PartFailed(f"The databases could not be prepared:\n{last_words(log)}")

    def _own_servers(self) -> list[Part]:
        folder, ports = self._places.folder, self._places.ports
        launches: dict[str, Callable[[], servers.Launch]] = {
            "redis": lambda: servers.redis(folder / "redis", ports["redis"]),
            "broker": lambda: servers.broker(ports["broker"]),
            "postgres": lambda: servers.postgres(folder / "postgres", ports["postgres"]),
        }
        return [self._server(name, launch) for name, launch in launches.items() if name not in self._servers.named]

    def _server(self, name: str, launch: Callable[[], servers.Launch]) -> Part:
        program = Program(launch, self._log(name))
        return Part(name, program.start, program.is_ready, self._log(name), _STOP_SECONDS[name])

    def _served(self, name: str, stop_seconds: float, *, is_needed: bool = True) -> Part:
        environment, port = self._places.environment_of(name, self._environment), self._places.port_of(name)
        niceness = _NICENESS.get(name, 0)
        wanted = Wanted("examhall.serving:serve", [name], environment, str(self._log(name)), niceness)

        async def start() -> Process:
            return await self._nursery.start(wanted)

        async def is_ready() -> bool:
            return port is not None and await answers_ready(port)

        return Part(name, start, is_ready, self._log(name), stop_seconds, is_needed)

    def _chosen(self, names: Iterable[str]) -> list[Keeper]:
        return [self._keepers[name] for name in names if name in self._keepers]

    def _log(self, name: str) -> Path:
        return self._places.logs / f"{name}.log"

    def _changed(self, keeper: Keeper, how: str) -> None:
        part = keeper.part
        self.screen.changed(part.name, keeper.state, how, part.log)
        self._journal.write("part_changed", part=part.name, state=keeper.state, how=how, pid=keeper.pid)
        parts = {
            name: PartRecord(each.state, each.pid, self._places.port_of(name), each.restarts, each.changed_at)
            for name, each in self._keepers.items()
        }
        replace(self._record, parts=parts).write(self._places.folder)


def _start(keepers: Iterable[Keeper]) -> None:
    for keeper in keepers:
        keeper.start()


async def _all_ready(keepers: Iterable[Keeper]) -> None:
    await asyncio.gather(*[keeper.ready() for keeper in keepers])
