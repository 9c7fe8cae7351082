"""An upgrade in the middle of a term: the version before is installed and serves, a class has sat, another one sits, and the new version's
migrations run meanwhile. What the old version does must go on, nothing may be lost, and the new version must go on from there."""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from chassis.migrating import scripts_of
from deploy.check.control_plane import Cluster, wait_until
from deploy.check.databases import Databases
from deploy.check.helm import Helm
from deploy.check.lifecycle import RELEASE, Wrong, namespace
from deploy.check.standin import PROGRAM, ROOT, StandIn
from examhall.places import SERVICES
from examhall.servers import HOST, die_gently_with_parent, free_port

# The last version before grading and analytics got the newest of their migrations. It has no proctoring yet: the upgrade brings it.
PREVIOUS = "0ac398e31a873c0d3f04087495a50e60bcef0525"
_WITHOUT_PROCTORING = [
    argument
    for setting in (
        "image.tag=previous",
        "services.proctoring.enabled=false",
        "services.proctoring-stream.enabled=false",
        "services.gateway.calls={identity,attempts}",
        "services.gateway.forwards={identity,exams,attempts,grading,analytics}",
    )
    for argument in ("--set", setting)
]
_OFFICE = {"EXAMHALL_ADMIN_EMAIL": "office@school.example", "EXAMHALL_ADMIN_PASSWORD": "a-calm-exam-hall"}
_READY_SECONDS, _REHEARSAL_SECONDS = 180.0, 600.0


@dataclass(frozen=True)
class Upgrade:
    """What it takes: a cluster, its stand-in, the databases, a helm, and a folder for the version before and its data."""

    cluster: Cluster
    stand_in: StandIn
    databases: Databases
    helm: Helm
    folder: Path

    def happen(self) -> int:
        """Goes through it; how many rows were there before and are after. Raises Wrong, HelmFailed, Refused, ServerFailed."""
        previous = self.folder / "previous"
        lay_out(PREVIOUS, previous)
        self.stand_in.trees["previous"] = previous
        self.databases.make_empty()
        with namespace(self.cluster.api, "check-upgrade", self.databases) as where:
            self.helm.install(RELEASE, where, _WITHOUT_PROCTORING)
            before = self.databases.revisions()
            newest = {service: scripts_of(service).get_current_head() for service in SERVICES}
            if not [service for service, at in before.items() if at not in (None, newest[service])]:
                raise Wrong(f"the version before should have older tables: {before}")
            with self._served_by(previous) as port:
                self._rehearse(previous, port)
                rows = self._rows()
                with self._while_upgrading(where) as is_upgrading:
                    self._rehearse(previous, port)
                    while is_upgrading():
                        self._rehearse(previous, port)
                if (after := self.databases.revisions()) != newest:
                    raise Wrong(f"the upgrade left the migrations at {after}")
                self._rehearse(previous, port)
            with self._served_by(ROOT) as port:
                self._rehearse(ROOT, port)
            now = self._rows()
            if lost := [
                f"{table}: {count} rows, now {now.get(table, 0)}"
                for table, count in rows.items()
                if now.get(table, 0) < count
            ]:
                raise Wrong(f"the upgrade lost data: {lost}")
            return sum(rows.values())

    @contextmanager
    def _served_by(self, tree: Path) -> Iterator[int]:
        """All processes of a version on the databases of the release; the port of their gateway."""
        port, log = free_port(), self.folder / f"{tree.name}.log"
        data, url = self.folder / "data", f"{self.databases.superuser_url}/postgres"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "up", "--no-demo", "--data", str(data), "--port", str(port)],
                cwd=tree,
                env={**os.environ, **_OFFICE, "DATABASE_URL": url},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=die_gently_with_parent,
            )
        try:
            wait_until(lambda: "Examhall is ready" in log.read_text(), f"{tree.name} is ready", _READY_SECONDS)
            yield port
        finally:
            process.send_signal(2)
            process.wait(60)

    def _rehearse(self, tree: Path, port: int) -> None:
        office, data = _OFFICE["EXAMHALL_ADMIN_EMAIL"], str(self.folder / "data")
        told = ["--quick", "--gateway", f"http://{HOST}:{port}", "--login", office, "--data", data]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "rehearse", *told],
            cwd=tree,
            env={**os.environ, "REHEARSAL_PASSWORD": _OFFICE["EXAMHALL_ADMIN_PASSWORD"]},
            capture_output=True,
            text=True,
            timeout=_REHEARSAL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise Wrong(f"a rehearsal of {tree.name} found: {(done.stdout + done.stderr)[-3000:]}")

    @contextmanager
    def _while_upgrading(self, where: str) -> Iterator[Callable[[], bool]]:
        failed: list[Exception] = []

        def upgrade() -> None:
            try:
                self.helm.upgrade(RELEASE, where, ["--reset-values"])
            except Exception as error:  # told by whoever waits for this thread
                failed.append(error)

        thread = threading.Thread(target=upgrade, name="upgrade")
        thread.start()
        try:
            yield thread.is_alive
        finally:
            thread.join()
        if failed:
            raise failed[0]

    def _rows(self) -> dict[str, int]:
        return asyncio.run(_rows(self.databases.superuser_url))


def is_in_history() -> bool:
    """Whether the version before is in this copy of the repository; git must be there."""
    asked = ["git", "cat-file", "-e", f"{PREVIOUS}^{{commit}}"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, check=False).returncode == 0


def lay_out(revision: str, folder: Path) -> None:
    """Lays a version of Examhall out in a folder, from this repository's history."""
    done = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


# What is kept for a while and then removed: it may become fewer.
_PASSING = ("outbox", "inbox", "idempotency")


async def _rows(server: str) -> dict[str, int]:
    """How many rows each table has that keeps what it has."""
    found = {}
    for service in SERVICES:
        database = await asyncpg.connect(f"{server}/examhall_{service}")
        try:
            names = [
                row["tablename"]
                for row in await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ]
            for name in names:
                if not name.startswith(_PASSING):
                    counted = f'SELECT count(*) FROM "{name}"'  # noqa: S608 - a name that the catalogue told
                    found[f"{service}.{name}"] = await database.fetchval(counted)
        finally:
            await database.close()
    return found
