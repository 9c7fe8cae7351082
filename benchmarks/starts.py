"""The start storm: 2,000 students with a session start at once."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg

from benchmarks.hall import Hall, Load
from benchmarks.load import REVISION_UNUSED
from benchmarks.results import Figure
from examhall.demo.content import ADMIN, DEMO_PASSWORD
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.paper import demonstrated
from examhall.rehearsal.staff import Staff
from examhall.servers import HOST

STUDENTS = 2_000
_LOG_INS_AT_ONCE = 16


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """One attempt each and no error; sessions are there beforehand, as students sign in while they wait."""
    async with Gateway(hall.address, seconds_a_try=60) as gateway:
        staff = Staff(gateway, ADMIN.email, DEMO_PASSWORD)
        await staff.sign_in()
        class_id, students = await staff.make_students(STUDENTS, "Bench starts")
        exam_id = await staff.make_exam("Start storm", class_id, demonstrated())
        gate = asyncio.Semaphore(_LOG_INS_AT_ONCE)

        async def sign_in(login: str, password: str) -> str:
            async with gate:
                body = await gateway.done("log in", "POST", "/auth/login", body={"login": login, "password": password})
                return str(body["access_token"])

        tokens = await asyncio.gather(*(sign_in(each.login, each.password) for each in students))
    body = json.dumps({"exam_id": exam_id}) + REVISION_UNUSED
    starts = [{"method": "POST", "path": "/api/v1/attempts", "token": token, "body": body} for token in tokens]
    result = await Load(hall).requests(starts, 0)
    made = await _attempts(hall, exam_id)
    failed = STUDENTS - result["statuses"].get("201", 0)
    behind = f"{STUDENTS / result['per_second']:.1f} s in all, {result['per_second']:.0f}/s; p50 {result['p50']:.1f} s, p99 {result['p99']:.1f} s"
    yield Figure("2,000 starts at once", f"{made} attempts, {failed} errors", "2000 attempts, 0 errors", behind)


async def _attempts(hall: Hall, exam_id: str) -> int:
    connection = await asyncpg.connect(
        host=HOST, port=hall.ports()["postgres"], user="postgres", database="examhall_attempts"
    )
    count = await connection.fetchval("SELECT count(*) FROM attempts WHERE exam_id = $1::text::uuid", exam_id)
    await connection.close()
    return int(count)
