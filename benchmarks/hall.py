"""An installation of its own for benchmarks, with students who have started an exam."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.load import FIRST_REVISION
from examhall.demo.content import ADMIN, DEMO_PASSWORD
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.staff import Staff, Stage
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
                stdout=log, stderr=subprocess.STDOUT, env=_environment(),
            )  # fmt: skip
        try:
            await _until_ready(port, process)
            yield Hall(folder, port, psutil.Process(process.pid))
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 30)


def _environment() -> dict[str, str]:
    """Without the rate limits that protect a school from one person: here one person is a thousand."""
    limits = {"EXAMHALL_LIMIT_PERSON_PER_SECOND": "1000000", "EXAMHALL_LIMIT_PERSON_BURST": "1000000"}
    servers = ("DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS")
    return {**{name: value for name, value in os.environ.items() if name not in servers}, **limits}


async def _until_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    give_up_at = time.monotonic() + READY_SECONDS
    async with Gateway(f"http://{HOST}:{port}", patience=READY_SECONDS) as gateway:
        while time.monotonic() < give_up_at and process.poll() is None:
            reply = await gateway.call("ready", "GET", "/specializations")
            if reply.is_success:
                return
    raise RuntimeError("the installation did not start")


@dataclass(frozen=True)
class Sitter:
    """A student with an open attempt: token, attempt, and the first single-choice question with its first option."""

    token: str
    attempt_id: str
    question_id: str
    option_id: str

    def save_request(self) -> dict[str, str]:
        """A save, for the load generator."""
        body = json.dumps({"revision": 0, "response": {"option_id": self.option_id}})
        return {
            "method": "PUT",
            "path": f"/api/v1/attempts/{self.attempt_id}/answers/{self.question_id}",
            "token": self.token,
            "body": body.replace("%", "%%").replace('"revision": 0', '"revision": %d'),
        }


async def seat(hall: Hall, count: int) -> tuple[Stage, list[Sitter]]:
    """An exam and so many students who have started it."""
    async with Gateway(hall.address) as gateway:
        staff = Staff(gateway, ADMIN.email, DEMO_PASSWORD)
        await staff.sign_in()
        class_id, students = await staff.make_students(count, f"Bench {count} {time.time():.0f}")
        exam_id = await staff.make_exam("Benchmark", class_id)
        stage = await staff.stage(exam_id, is_own=True)
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
            return Sitter(token, attempt["id"], question["id"], question["options"][0]["id"])

        return stage, list(await asyncio.gather(*(sit(each.login, each.password) for each in students)))


class Load:
    """Runs the load generator against a port; revisions only ever grow."""

    def __init__(self) -> None:
        self._revision = FIRST_REVISION

    async def run(self, port: int, clients: list[dict[str, str]], seconds: float, rate: float = 0) -> dict[str, Any]:
        """What the generator measured."""
        self._revision += 10**9
        plan = {
            "host": HOST,
            "port": port,
            "seconds": seconds,
            "rate": rate,
            "clients": clients,
            "revision": self._revision,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.load", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        output, _ = await process.communicate(json.dumps(plan).encode())
        result: dict[str, Any] = json.loads(output)
        return result
