"""Compares every service's migrations with its tables, on a PostgreSQL of its own (part of `make check`)."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from chassis.migrating import ROOT
from examhall.servers import HOST, free_port, start_postgres


def services_with_migrations() -> list[str]:
    """Names of the services that have a database."""
    return sorted(path.parent.parent.name for path in (ROOT / "services").glob("*/migrations/versions"))


async def _check(service: str, url: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chassis.migrating", "check", service,
        env={**os.environ, "DATABASE_URL": url}, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return "" if process.returncode == 0 else f"{service}: {output.decode().strip()}"


async def _check_all(url: str) -> list[str]:
    return [fault for service in services_with_migrations() if (fault := await _check(service, url))]


def main() -> None:
    """Exits 1 and says what differs when any does."""
    with tempfile.TemporaryDirectory(prefix="examhall-check-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        server = start_postgres(Path(folder), port)
        try:
            faults = asyncio.run(_check_all(f"postgresql://postgres@{HOST}:{port}/postgres"))
        finally:
            server.stop()
    if faults:
        sys.exit("migrations: " + "\n".join(faults))


if __name__ == "__main__":
    main()
