"""One command runs a whole machine, whatever dies on it."""

import asyncio
import signal
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from examhall.demo.content import STAFF, STUDENTS
from examhall.places import kept
from examhall.servers import HOST, accepts_connections, free_port, start_postgres
from examhall.serving import installed_services
from examhall.tests.machine import Machine, examhall, has_ended, machine, wait_for
from proto.catalogue import STREAM

PARTS = {"postgres", "redis", "broker", "nursery", "identity", "gateway"}

# Kafka gives up a member that was killed after its session of 10 s; joining may take as long again.
REJOIN_SECONDS = 60.0


@pytest.fixture(scope="module")
def up(folder_of_the_module: Path) -> Iterator[Machine]:
    """One machine for all tests that leave it as it was."""
    with machine(folder_of_the_module / "data") as running_machine:
        yield running_machine.wait_until_ready()


def test_everything_comes_up_from_nothing_for_less_than_fifteen_seconds_of_one_core(folder: Path):
    """So it is ready within 15 s even on one core; time by the clock would be that of whatever else the machine does."""
    with machine(folder / "data", services=()) as everything:
        everything.wait_until_ready()
        assert {*installed_services(), STREAM} < set(everything.record.parts)
        assert sum(_processor_seconds(process) for process in everything.all_processes()) < 15


def test_the_stream_becomes_ready_by_itself_and_is_started_again_when_it_is_killed(folder: Path):
    with machine(folder / "data", services=("identity", "proctoring")) as watching:
        watching.wait_until_ready()
        wait_for(lambda: watching.record.parts[STREAM].state == "ready", REJOIN_SECONDS)
        shown = examhall("status", "--data", str(watching.folder), COLUMNS="200")
        assert (shown.returncode, f"{STREAM} " in shown.stdout) == (0, True)
        killed = watching.record.parts[STREAM]
        psutil.Process(watching.pid(STREAM)).kill()
        wait_for(
            lambda: watching.record.parts[STREAM].restarts > killed.restarts and watching.is_ready(), REJOIN_SECONDS
        )
        assert watching.record.parts[STREAM].port == killed.port


def test_the_end_of_the_start_says_where_it_is_and_how_to_log_in(up: Machine):
    output = up.output.read_text()
    assert "Examhall is ready after" in output
    assert up.record.address in output
    assert "admin@examhall.example" in output
    assert "a-calm-exam-hall" in output


def test_the_demonstration_is_there_and_its_people_can_log_in(up: Machine):
    assert up.call("GET", "/api/v1/students", token=up.log_in())["total"] == 120


def test_a_second_start_says_where_the_first_runs_and_starts_nothing(up: Machine):
    before = up.record
    second = examhall("up", "--data", str(up.folder), "--port", str(free_port()))
    assert second.returncode == 0
    assert f"Examhall runs already: {before.address} (process {up.process.pid}" in second.stdout
    assert up.record == before


def test_status_shows_every_process_with_its_port(up: Machine):
    shown = examhall("status", "--data", str(up.folder), COLUMNS="200")
    assert shown.returncode == 0
    rows = {line.split()[0]: line.split() for line in shown.stdout.splitlines()[2:]}
    assert set(rows) == PARTS
    assert all(row[1] == "ready" and row[2] == str(up.pid(name)) for name, row in rows.items())
    assert rows["gateway"][3] == str(up.port)


@pytest.mark.parametrize("part", ["identity", "gateway", "postgres", "redis", "broker", "nursery"])
def test_a_killed_process_comes_back_at_its_address_and_the_work_goes_on(up: Machine, part: str):
    before = up.record.parts[part]
    psutil.Process(up.pid(part)).kill()
    wait_for(lambda: up.record.parts[part].restarts > before.restarts and up.is_ready())
    after = up.record.parts[part]
    assert (after.port, after.pid == before.pid) == (before.port, False)
    wait_for(lambda: _can_log_in(up))
    assert f"{part} died (killed by SIGKILL); starting it again" in up.output.read_text()
    assert f'"part": "{part}", "state": "died"' in (up.folder / "logs" / "up.log").read_text()


def test_the_secret_and_the_record_are_for_the_owners_eyes(up: Machine):
    assert {(up.folder / name).stat().st_mode & 0o777 for name in ("secret", "running.json")} == {0o600}


def test_only_the_gateway_can_be_reached_from_outside(folder: Path):
    with machine(folder / "data", EXAMHALL_HTTP_HOST="0.0.0.0") as up:  # noqa: S104
        up.wait_until_ready()
        listening = {
            connection.laddr.ip.removeprefix("::ffff:")
            for process in up.all_processes()
            if process.pid != up.pid("gateway")
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {HOST}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_ends_everything_within_fifteen_seconds(folder: Path, how: signal.Signals):
    with machine(folder / "data") as up:
        processes = up.wait_until_ready().all_processes()
        began = time.monotonic()
        assert up.stop(how) == 0
        assert time.monotonic() - began < 15
        assert [process for process in processes if not has_ended(process)] == []
        assert examhall("status", "--data", str(up.folder)).returncode == 3


def test_figures_that_were_lost_are_built_anew_from_the_events_while_everything_runs(folder: Path):
    with machine(folder / "data", services=()) as everything:
        everything.wait_until_ready()
        wait_for(lambda: _figures(everything, "SELECT count(*) FROM people") == [(len(STAFF) + len(STUDENTS),)])
        before = _figures(everything, "SELECT id, role, name FROM people ORDER BY id")
        _figures(everything, "UPDATE people SET name = 'spoilt' RETURNING id")
        rebuilt = examhall("rebuild", "analytics", "--data", str(everything.folder))
        assert rebuilt.returncode == 0, rebuilt.stderr
        assert "events are on their way" in rebuilt.stdout
        wait_for(lambda: _figures(everything, "SELECT id, role, name FROM people ORDER BY id") == before)


def test_told_to_stop_while_it_starts_it_leaves_nothing(folder: Path):
    with machine(folder / "data") as up:
        wait_for(lambda: (folder / "data" / "running.json").exists() and up.record.parts["postgres"].pid is not None)
        processes = up.all_processes()
        assert up.stop(signal.SIGINT) == 0
        assert [process for process in processes if not has_ended(process)] == []


def test_a_killed_supervisor_leaves_no_process_behind_and_the_next_start_finds_all_data(folder: Path):
    with machine(folder / "data") as first:
        first.wait_until_ready()
        token = first.log_in()
        made = first.call("POST", "/api/v1/centres", {"name": "Riverside Campus", "code": "RVS"}, token)
        processes = first.all_processes()
        first.process.kill()
        wait_for(lambda: all(has_ended(process) for process in processes))
        first.process.wait()
    with machine(folder / "data") as second:
        second.wait_until_ready()
        centres = second.call("GET", "/api/v1/centres", token=second.log_in())
        assert made["id"] in [centre["id"] for centre in centres["items"]]
        assert second.call("GET", "/api/v1/students", token=second.log_in())["total"] == 120


def test_without_the_demonstration_nobody_can_log_in_with_its_password(folder: Path):
    with machine(folder / "data", options=["--no-demo"]) as up:
        up.wait_until_ready()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            up.log_in()
        assert "a-calm-exam-hall" not in up.output.read_text()


def test_a_misspelt_variable_is_an_error_and_nothing_is_started(folder: Path):
    refused = examhall("up", "--data", str(folder / "data"), EXAMHALL_ACESS_TOKEN_MINUTES="5")
    assert refused.returncode == 2
    assert "EXAMHALL_ACESS_TOKEN_MINUTES" in refused.stderr
    assert not (folder / "data").exists()


def test_a_gateways_port_that_another_program_has_is_an_error_that_names_a_way_out(folder: Path, up: Machine):
    refused = examhall("up", "--data", str(folder / "data"), "--port", str(up.port))
    assert refused.returncode == 2
    assert f"Port {up.port} is in use by another program" in refused.stderr


def test_a_service_that_does_not_start_ends_it_all_and_its_last_words_are_shown(folder: Path):
    with machine(folder / "data", EXAMHALL_LOCK_FAILURES="none") as up:
        assert up.process.wait(40) == 1
        output = up.output.read_text()
        assert "identity does not start: exit status 1" in output
        assert "lock_failures" in output


def test_a_given_postgresql_that_does_not_answer_ends_it_all_and_says_so(folder: Path):
    address = f"postgresql://postgres@{HOST}:{free_port()}/postgres"
    with machine(folder / "data", DATABASE_URL=address) as up:
        assert up.process.wait(40) == 1
        assert "The databases could not be prepared" in up.output.read_text()
        assert "ConnectionRefusedError" in up.output.read_text()


def test_a_given_postgresql_is_used_and_none_is_started(folder: Path):
    port = free_port()
    server = start_postgres(folder / "given", port)
    try:
        url = f"postgresql://postgres@{HOST}:{port}/postgres"
        with machine(folder / "data", DATABASE_URL=url) as up:
            up.wait_until_ready()
            assert set(up.record.parts) == PARTS - {"postgres"}
            assert up.call("GET", "/api/v1/students", token=up.log_in())["total"] == 120
            listed = examhall("dead-letters", "list", "identity", "--data", str(up.folder))
            assert listed.stdout.strip() == "No dead letters."
        assert accepts_connections(port)
    finally:
        server.stop()


def _processor_seconds(process: psutil.Process) -> float:
    """What a process and those of its children that have ended took."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _figures(up: Machine, query: str) -> list[tuple[object, ...]]:
    """Rows of the analytics service's database."""

    async def fetch() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(kept(up.folder, up.port).servers({}).database("analytics"))
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def _can_log_in(up: Machine) -> bool:
    try:
        return bool(up.log_in())
    except OSError:
        return False
