"""The proctored side of a rehearsal: who plays what, from which network, who watches, and what comes of it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from examhall.rehearsal.browser import Style, somebody_elses, style_of
from examhall.rehearsal.conduct import TEMPERAMENTS, Part, Role, behave, cast
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.invigilation import holdings, wait_until_still
from examhall.rehearsal.ledger import account, read
from examhall.rehearsal.observed import observations
from examhall.rehearsal.people import Json, Script, write_script
from examhall.rehearsal.proctor import Proctor
from examhall.rehearsal.seats import Student
from examhall.rehearsal.sitting import Sitting
from examhall.rehearsal.staff import Staff, Stage
from examhall.rehearsal.verdicts import Verdicts, verdicts
from examhall.rehearsal.watch import Neighbours, Watch
from examhall.rehearsal.watch_audit import WatchAudit, audit_watch

_ANOTHER_ADDRESS = "127.0.0.2"  # of this machine, which has sixteen million
# What was promised may take its time: a broker that was away comes back, a worker reads again.
_AGREES_WITHIN = 90.0
_LOOK_SECONDS = 2.0
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

    @classmethod
    def of(cls, seed: str, pace: float, students: Sequence[Student], elsewhere: Gateway | None) -> "Company":
        """Everybody with a role, from the seed."""
        return cls(seed, pace, cast(seed, [each.login for each in students]), elsewhere)

    def role(self, login: str) -> Role:
        """The role of a student."""
        return self.roles.get(login, Role())

    def watch(self, login: str) -> Watch | None:
        """How a student is watched; None where nobody is."""
        if not self.roles:
            return None
        return Watch(self.role(login), self._style(login), self.pace, self.neighbours, self.elsewhere)

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


@dataclass(frozen=True)
class Watched:
    """What came of the proctoring."""

    audit: WatchAudit
    verdicts: Verdicts


async def judge(staff: Staff, stage: Stage, company: Company, proctor: Proctor, seconds: float) -> Watched:
    """Audits and judges when all has been told; looks again for a while where something differs, since what was promised may be on its way."""
    give_up_at = time.monotonic() + _AGREES_WITHIN
    told = account(read(proctor.ledger.path))
    while True:
        await proctor.catch_up(await wait_until_still(staff, stage.exam_id, set(told.journeys)))
        held = await holdings(staff, stage.exam_id, stage.settings, list(told.journeys))
        observed = observations(read(proctor.ledger.path))
        audited = audit_watch(observed, told, held, company.roles, proctor.resumed)
        if not audited.findings or time.monotonic() > give_up_at:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    questions = max((len(journey.question_ids) for journey in told.journeys.values()), default=1)
    found = verdicts(observed, told, held, company.roles, seconds * _USUAL_SHARE / questions)
    return Watched(audited, found)


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
