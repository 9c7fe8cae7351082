"""The proctor of a rehearsal leaves nothing behind."""

import asyncio
from pathlib import Path

from aiohttp import web

from chassis.testing import eventually
from examhall.rehearsal.ledger import Ledger, Settled, read
from examhall.rehearsal.proctor import Proctor
from examhall.rehearsal.proctoring import listening
from examhall.rehearsal.seats import Progress
from examhall.rehearsal.staff import Staff
from examhall.rehearsal.tests.hall import ADMIN, a_gateway, a_hall


async def test_an_acknowledgement_that_is_still_under_way_when_the_proctor_leaves_is_given_up(tmp_path: Path):
    asked = asyncio.Event()

    async def hang(request: web.Request) -> None:
        if request.path.endswith("/acknowledge"):
            asked.set()
            await asyncio.sleep(5)

    async with a_hall() as hall, a_gateway(hall) as gateway:
        hall.faults.append(hang)
        desk = hall.desk("e1")
        desk.say("alert", alert={"alert_id": "x1", "attempt_id": "a1", "status": "open"})
        staff = Staff(gateway, *ADMIN)
        await staff.sign_in()
        before = asyncio.all_tasks()
        with Ledger(tmp_path / "ledger.jsonl") as ledger:
            async with listening(Proctor(gateway, staff, ledger, "e1", Progress())):
                await asyncio.wait_for(asked.wait(), 10)
        await eventually(lambda: not [task for task in asyncio.all_tasks() - before if "Proctor" in repr(task)])
        assert not [entry for entry in read(tmp_path / "ledger.jsonl") if isinstance(entry, Settled)]
