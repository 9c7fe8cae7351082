"""Log-ins a second, over the password hashes that the cores can do: the real storm at the start of an exam."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from benchmarks.hall import Hall
from benchmarks.results import Figure
from examhall.demo.content import ADMIN, DEMO_PASSWORD
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.staff import Staff

STUDENTS = 200
AT_ONCE = 16
_HASHES = 40


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """Signs a class in, sixteen at a time."""
    async with Gateway(hall.address) as gateway:
        staff = Staff(gateway, ADMIN.email, DEMO_PASSWORD)
        await staff.sign_in()
        _, students = await staff.make_students(STUDENTS, "Bench log-ins")
        gate = asyncio.Semaphore(AT_ONCE)

        async def sign_in(login: str, password: str) -> None:
            async with gate:
                await gateway.done("log in", "POST", "/auth/login", body={"login": login, "password": password})

        began = time.perf_counter()
        await asyncio.gather(*(sign_in(each.login, each.password) for each in students))
        rate = STUDENTS / (time.perf_counter() - began)
    hashes = _hashes_per_second()
    behind = f"{rate:.0f} log-ins/s against {hashes:.0f} argon2id checks/s on all cores; 2,000 students take {2000 / rate:.0f} s"
    yield Figure("log-ins / argon2id checks", f"{rate / hashes:.2f}", "near 1", behind)


def _hashes_per_second() -> float:
    """On all cores at once, which are slower together: each check goes through 19 MiB of memory."""
    hasher = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
    stored = hasher.hash("a password")
    with ThreadPoolExecutor(os.cpu_count()) as cores:
        began = time.perf_counter()
        list(cores.map(lambda _: hasher.verify("a password", stored), range(_HASHES)))
    return _HASHES / (time.perf_counter() - began)
