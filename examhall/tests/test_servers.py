"""PostgreSQL starts whatever the last one left behind, and never beside it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from examhall.servers import HOST, free_port, postgres_binaries, start_postgres
from examhall.tests.machine import has_ended, wait_for


def test_postgresql_starts_again_after_it_was_killed_and_has_what_was_committed(folder: Path):
    port = free_port()
    server = start_postgres(folder / "postgres", port)
    _sql(port, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
    server.process.kill()
    server.process.wait()
    server = start_postgres(folder / "postgres", port)
    assert _sql(port, "SELECT n FROM kept") == "42"
    server.stop()


def test_a_number_that_belongs_to_another_program_by_now_does_not_keep_postgresql_from_starting(folder: Path):
    data, port = folder / "postgres", free_port()
    start_postgres(data, port).stop()
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    server = start_postgres(data, port)
    assert _sql(port, "SELECT 1") == "1"
    server.stop()


def test_a_first_start_that_was_cut_off_is_begun_anew(folder: Path):
    half_made = folder / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    port = free_port()
    server = start_postgres(folder / "postgres", port)
    assert _sql(port, "SHOW fsync") == "on"
    assert not half_made.exists()
    server.stop()


def test_acknowledged_means_on_disk(folder: Path):
    port = free_port()
    server = start_postgres(folder / "postgres", port)
    assert [_sql(port, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3
    server.stop()


def test_commits_wait_for_small_segments_of_the_log_only(folder: Path):
    port = free_port()
    server = start_postgres(folder / "postgres", port)
    assert [_sql(port, f"SHOW {name}") for name in ("wal_segment_size", "min_wal_size")] == ["4MB", "512MB"]
    server.stop()


def test_postgresql_and_its_children_end_with_a_killed_parent(folder: Path):
    port = free_port()
    start = "import sys; from pathlib import Path; from examhall.servers import start_postgres\n"
    start += "server = start_postgres(Path(sys.argv[1]), int(sys.argv[2]))\n"
    start += "print(server.process.pid, flush=True); sys.stdin.read()"
    parent = subprocess.Popen(
        [sys.executable, "-c", start, str(folder / "postgres"), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    postmaster = psutil.Process(int(parent.stdout.readline()))
    family = [postmaster, *postmaster.children(recursive=True)]
    assert len(family) > 1
    parent.kill()
    parent.communicate()
    wait_for(lambda: all(has_ended(process) for process in family))


def _sql(port: int, statement: str) -> str:
    command = [str(postgres_binaries() / "psql"), "-h", HOST, "-p", str(port), "-U", "postgres", "-AtXc", statement]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
