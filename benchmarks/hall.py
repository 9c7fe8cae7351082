"""An installation of its own for benchmarks, with students who have started an exam."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.load import FIRST_REVISION
from examhall.demo.content import ADMIN, DEMO_PASSWORD
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.paper import demonstrated
from examhall.rehearsal.staff import Staff
from examhall.servers import HOST, free_port

READY_SECONDS = 60


@dataclass
class Hall:
    """A running installation: where it is, and the processes it is made of."""

    folder: Path
    port: int
    process: psutil.Process

    @property
    def address(self) -> str:
        """The gateway's address."""
        return f"http://{HOST}:{self.port}"

    def pid(self, part: str) -> int:
        """The process id of a part."""
        running = json.loads((self.folder / "running.json").read_text())
        return int(running["parts"][part]["pid"])

    def ports(self) -> dict[str, int]:
        """The ports of its processes."""
        found: dict[str, int] = json.loads((self.folder / "ports.json").read_text())
        return found


@asynccontextmanager
async def open_hall() -> AsyncIterator[Hall]:
    """Starts an installation on a scratch folder and stops it by its process id."""
    with tempfile.TemporaryDirectory(prefix="examhall-bench-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        with (folder / "up.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, "-m", "examhall.main", "up", "--data", str(folder), "--port", str(port)],
                stdout=log, stderr=subprocess.STDOUT, env=hall_environment(),
            )  # fmt: skip
        try:
            await until_ready(port, lambda: process.poll() is None)
            yield Hall(folder, port, psutil.Process(process.pid))
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 30)


def hall_environment() -> dict[str, str]:
    """Without the rate limits: here one person at one address is a thousand."""
    names = [
        f"EXAMHALL_LIMIT_{who}_{what}" for who in ("PERSON", "ADDRESS", "AUTH") for what in ("PER_SECOND", "BURST")
    ]
    limits = dict.fromkeys(names, "1000000")
    servers = ("DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS")
    return {**{name: value for name, value in os.environ.items() if name not in servers}, **limits}


async def until_ready(port: int, lives: Callable[[], bool]) -> None:
    """Waits until a gateway passes requests on. Raises RuntimeError when it does not live so long, or not in time."""
    give_up_at = time.monotonic() + READY_SECONDS
    async with Gateway(f"http://{HOST}:{port}", patience=READY_SECONDS) as gateway:
        while time.monotonic() < give_up_at and lives():
            reply = await gateway.call("ready", "GET", "/specializations")
            if reply.is_success:
                return
    raise RuntimeError("the gateway did not become ready")


@dataclass(frozen=True)
class Sitter:
    """A student with an open attempt: token, attempt, and the first single-choice question with its first option."""

    token: str
    attempt_id: str
    question_id: str
    option_id: str
    exam_id: str

    def save_request(self) -> dict[str, str]:
        """A save, for the load generator."""
        body = json.dumps({"revision": 0, "response": {"option_id": self.option_id}})
        return {
            "method": "PUT",
            "path": f"/api/v1/attempts/{self.attempt_id}/answers/{self.question_id}",
            "token": self.token,
            "body": body.replace("%", "%%").replace('"revision": 0', '"revision": %d'),
        }


async def seat(hall: Hall, count: int) -> list[Sitter]:
    """So many students who have started an exam."""
    async with Gateway(hall.address) as gateway:
        staff = Staff(gateway, ADMIN.email, DEMO_PASSWORD)
        await staff.sign_in()
        class_id, students = await staff.make_students(count, f"Bench {count} {time.time():.0f}")
        exam_id = await staff.make_exam("Benchmark", class_id, demonstrated())
        gate = asyncio.Semaphore(8)

        async def sit(login: str, password: str) -> Sitter:
            async with gate:
                signed = await gateway.done(
                    "log in", "POST", "/auth/login", body={"login": login, "password": password}
                )
                token = signed["access_token"]
                attempt = await gateway.done("start", "POST", "/attempts", token=token, body={"exam_id": exam_id})
                paper = await gateway.done("paper", "GET", f"/attempts/{attempt['id']}/paper", token=token)
            question = next(each for each in paper["questions"] if each["type"] == "single_choice")
            return Sitter(token, attempt["id"], question["id"], question["options"][0]["id"], exam_id)

        return list(await asyncio.gather(*(sit(each.login, each.password) for each in students)))


class Load:
    """Runs the load generators, each a process of its own; revisions only ever grow."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._revision = FIRST_REVISION

    async def requests(
        self, clients: list[dict[str, str]], seconds: float, *, port: int = 0, rate: float = 0
    ) -> dict[str, Any]:
        """HTTP requests to a port, the gateway's by default: as fast as replies come, or at a rate a second."""
        plan = {"port": port or self._hall.port, "rate": rate}
        return await self._run("benchmarks.load", plan, clients, seconds)

    async def batches(self, clients: list[dict[str, str]], seconds: float) -> dict[str, Any]:
        """Batches of saves over gRPC, straight to the attempts service."""
        secret = (self._hall.folder / "secret").read_text()
        plan = {"port": self._hall.ports()["attempts_grpc"], "secret": secret}
        return await self._run("benchmarks.batches", plan, clients, seconds)

    async def _run(
        self, module: str, plan: dict[str, Any], clients: list[dict[str, str]], seconds: float
    ) -> dict[str, Any]:
        self._revision += 10**9
        plan = {**plan, "host": HOST, "clients": clients, "seconds": seconds, "revision": self._revision}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        output, _ = await process.communicate(json.dumps(plan).encode())
        if process.returncode:
            raise RuntimeError(f"{module} failed")
        result: dict[str, Any] = json.loads(output)
        if set(result["statuses"]) - {"200", "201"}:
            raise RuntimeError(f"{module}: not every request succeeded: {result['statuses']}")
        return result
