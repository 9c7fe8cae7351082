"""The proctored side of a rehearsal: who plays what, from which network, who watches, and what comes of it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from examhall.rehearsal.browser import Style, somebody_elses, style_of
from examhall.rehearsal.channel import Channel
from examhall.rehearsal.conduct import TEMPERAMENTS, Part, Role, behave, cast, with_sockets
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.invigilation import holdings, wait_until_still
from examhall.rehearsal.ledger import Extended, Ledger, account, read
from examhall.rehearsal.observed import observations
from examhall.rehearsal.people import Json, Script, write_script
from examhall.rehearsal.proctor import Proctor
from examhall.rehearsal.seats import Student
from examhall.rehearsal.sitting import Sitting
from examhall.rehearsal.staff import Staff, Stage, side_by_side
from examhall.rehearsal.verdicts import Verdicts, verdicts
from examhall.rehearsal.watch import Neighbours, Watch
from examhall.rehearsal.watch_audit import WatchAudit, audit_watch

_ANOTHER_ADDRESS = "127.0.0.2"  # of this machine, which has sixteen million
# What was promised may take its time: a broker that was away comes back, a worker reads again.
_AGREES_WITHIN = 90.0
_LOOK_SECONDS = 2.0
_FAVOUR_SECONDS = 5
# Of the median student, from the first question to the last, over the sitting: see people._share_of_time.
_USUAL_SHARE = 0.675


@dataclass
class Company:
    """The students under watch: their roles by log-in, and what they see of each other. Without roles nobody is watched."""

    seed: str
    pace: float
    roles: Mapping[str, Role] = field(default_factory=dict)
    elsewhere: Gateway | None = None
    neighbours: Neighbours = field(default_factory=dict)
    sockets: frozenset[str] = frozenset()  # log-ins
    channels: list[Channel] = field(default_factory=list)

    @classmethod
    def of(cls, seed: str, pace: float, students: Sequence[Student], elsewhere: Gateway | None) -> "Company":
        """Everybody with a role, from the seed."""
        roles = cast(seed, [each.login for each in students])
        return cls(seed, pace, roles, elsewhere, sockets=with_sockets(seed, roles))

    def role(self, login: str) -> Role:
        """The role of a student."""
        return self.roles.get(login, Role())

    def watch(self, login: str) -> Watch | None:
        """How a student is watched; None where nobody is."""
        if not self.roles:
            return None
        channels = self.channels if login in self.sockets else None
        return Watch(self.role(login), self._style(login), self.pace, self.neighbours, self.elsewhere, channels)

    def script(
        self, login: str, questions: Sequence[Json], keys: Mapping[str, Json], seconds: float, meets_deadline: bool
    ) -> Script:
        """What a student does."""
        seed, part = f"{self.seed}/{login}", self.role(login).part
        script = write_script(seed, questions, keys, seconds, meets_deadline, TEMPERAMENTS.get(part))
        return behave(seed, script, part, questions)

    def impostors(self, sittings: Sequence[Sitting]) -> list[Sitting]:
        """Those in whose place somebody else will sit."""
        return [each for each in sittings if self.role(each.login).part is Part.IMPOSTOR]

    async def hang_up(self) -> None:
        """The students close their sockets."""
        await asyncio.gather(*(channel.hang_up() for channel in self.channels))

    def _style(self, login: str) -> Style:
        own = style_of(login)
        return somebody_elses(own) if self.role(login).part is Part.IMPOSTOR else own


@asynccontextmanager
async def another_network(gateway: Gateway) -> AsyncIterator[Gateway | None]:
    """The same gateway from another address of this machine, or None where that can't be: it is not on this machine, or has one address only."""
    if not _is_here(gateway.address) or not _has(_ANOTHER_ADDRESS):
        yield None
        return
    async with Gateway(gateway.address.replace("localhost", "127.0.0.1"), from_address=_ANOTHER_ADDRESS) as other:
        other.steps = gateway.steps
        yield other


@asynccontextmanager
async def listening(proctor: Proctor) -> AsyncIterator[None]:
    """A proctor who listens meanwhile."""
    task = asyncio.create_task(proctor.listen())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await proctor.leave()


@dataclass(frozen=True)
class Watched:
    """What came of the proctoring."""

    audit: WatchAudit
    verdicts: Verdicts


async def judge(staff: Staff, stage: Stage, company: Company, proctor: Proctor, seconds: float) -> Watched:
    """Audits and judges when all has been told; looks again for a while where something differs, since what was promised may be on its way."""
    give_up_at = time.monotonic() + _AGREES_WITHIN
    told = account(read(proctor.ledger.path))
    questions = max((len(journey.question_ids) for journey in told.journeys.values()), default=1)
    while True:
        await proctor.catch_up(await wait_until_still(staff, stage.exam_id, set(told.journeys)))
        held = await holdings(staff, stage.exam_id, stage.settings, list(told.journeys))
        held = replace(held, feeds=dict(await side_by_side(company.channels, _heard_out)))
        observed = observations(read(proctor.ledger.path))
        dropped = sum(channel.dropped for channel in company.channels)
        found = verdicts(observed, told, held, company.roles, seconds * _USUAL_SHARE / questions)
        audited = audit_watch(
            observed, told, held, company.roles, proctor.resumed, dropped, slowest_alert=found.seconds_p99 or 0.0
        )
        if not audited.findings or time.monotonic() > give_up_at:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return Watched(audited, found)


async def _heard_out(channel: Channel) -> tuple[str, Sequence[Json]]:
    """What is kept for a student, when the socket has told it or can't be waited for any longer."""
    kept = await channel.kept()
    await channel.catch_up(len(kept))
    return channel.sitting.attempt_id, kept


async def favour(staff: Staff, company: Company, ledger: Ledger) -> None:
    """Gives one honest student who sits with a socket a little more time, as staff do; one whose attempt is over is left alone."""
    for channel in sorted(company.channels, key=lambda each: each.sitting.login):
        attempt_id, part = channel.sitting.attempt_id, company.role(channel.sitting.login).part
        if part is Part.HONEST and await staff.extend(attempt_id, _FAVOUR_SECONDS):
            ledger.write(Extended(attempt_id, _FAVOUR_SECONDS))
            return


def _is_here(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _has(address: str) -> bool:
    """Whether this machine has that address."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
