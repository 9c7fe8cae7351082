"""The commands for operators, as they type them."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from typer.testing import CliRunner

from chassis.ids import new_id
from chassis.testing import fresh_database
from examhall.main import app
from examhall.places import database_of
from examhall.servers import HOST, free_port, start_postgres
from examhall.serving import installed_services
from examhall.tests.machine import examhall, start_examhall
from proto.examhall.chassis.v1.audit_pb2 import AuditRecorded

SECRET = "a secret of the tests"


@pytest.fixture
async def identity_url(postgres_url: str) -> str:
    """An identity service's database."""
    return await fresh_database(postgres_url, "identity")


@pytest.fixture
def empty_server(folder: Path) -> Iterator[str]:
    """A PostgreSQL server of the test's own, without databases of ours."""
    port = free_port()
    server = start_postgres(folder / "postgres", port)
    yield f"postgresql://postgres@{HOST}:{port}/postgres"
    server.stop()


def test_help_names_every_command():
    shown = examhall("--help").stdout
    for command in (
        *("up", "serve", "migrate", "topics", "status", "rehearse", "dead-letters", "rebuild"),
        *("backup", "backups", "restore", "doctor"),
    ):
        assert f" {command} " in shown


def test_a_misspelt_variable_is_an_error_for_a_single_service_too():
    refused = examhall("serve", "identity", EXAMHALL_SERVICE_SECRETS="x")
    assert refused.returncode == 2
    assert "unknown setting: EXAMHALL_SERVICE_SECRETS" in refused.stderr


@pytest.mark.parametrize("command", [["serve", "identity"], ["up"]])
@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"EXAMHALL_KAFKA_SASL_USER": "x"}, "EXAMHALL_KAFKA_SASL_USER: without effect"),
        ({"EXAMHALL_KAFKA_SECURITY_PROTOCOL": "SSL"}, "KAFKA_BOOTSTRAP_SERVERS names no brokers"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x?ssl=on"}, "DATABASE_URL: the option 'ssl' is not known"),
    ],
)
def test_settings_that_nothing_can_start_with_are_refused_in_one_line(
    command: list[str], variables: dict[str, str], line: str, folder: Path
):
    refused = examhall(*command, EXAMHALL_DATA=str(folder / "data"), **variables)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert line in refused.stderr


def test_a_service_is_not_run_without_the_installations_secret():
    refused = examhall("serve", "identity", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert refused.returncode == 1
    assert "EXAMHALL_SERVICE_SECRET is not set" in refused.stderr


@pytest.mark.parametrize("command", [["serve"], ["migrate"], ["dead-letters", "list"], ["up", "--service"]])
def test_a_service_that_does_not_exist_is_refused_by_name(command: list[str], folder: Path):
    refused = examhall(*command, "astrology", EXAMHALL_DATA=str(folder / "data"))
    assert refused.returncode == 2
    assert "there is no service 'astrology'" in refused.stderr


@pytest.mark.parametrize("command", [["migrate"], ["migrate", "identity"], ["dead-letters", "list", "identity"]])
def test_commands_refuse_a_database_url_that_would_not_be_honoured(command: list[str], folder: Path):
    url = "postgresql://nobody@127.0.0.1:1/x?ssl=on"
    refused = examhall(*command, DATABASE_URL=url, EXAMHALL_DATA=str(folder / "data"))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "the option 'ssl' is not known" in refused.stderr


def test_the_doctor_tells_settings_of_kafka_that_do_not_go_together(folder: Path):
    told = examhall(
        "doctor",
        EXAMHALL_DATA=str(folder / "data"),
        KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
        EXAMHALL_KAFKA_CA_FILE="ca.pem",
    )
    assert told.returncode == 2
    assert "EXAMHALL_KAFKA_CA_FILE: without effect" in " ".join(told.stdout.split())


def test_migrating_waits_for_a_server_that_comes_later(folder: Path):
    port = free_port()
    waiting = start_examhall("migrate", "identity", DATABASE_URL=f"postgresql://postgres@{HOST}:{port}/postgres")
    assert waiting.stderr is not None
    assert waiting.stderr.readline().startswith(f"Waiting for the database of {HOST}/postgres: ")
    server = start_postgres(folder / "postgres", port)
    try:
        assert waiting.wait(60) == 0, waiting.stderr.read()
    finally:
        server.stop()


@pytest.mark.parametrize("command", [["migrate", "identity"], ["migrate"]])
def test_migrating_ends_in_one_line_when_no_database_comes(command: list[str]):
    url = "postgresql://nobody:a-password@127.0.0.1:1/nothing"
    refused = examhall(*command, "--wait", "0.5", DATABASE_URL=url)
    assert refused.returncode == 2
    waiting, end = refused.stderr.splitlines()
    assert waiting.startswith("Waiting for the database of 127.0.0.1/nothing: ")
    assert end.startswith("The database of 127.0.0.1/nothing did not answer within 0.5 s: ")
    assert "a-password" not in refused.stderr


def test_topics_are_made_only_where_brokers_are_named():
    refused = examhall("topics")
    assert refused.returncode == 2
    assert "set KAFKA_BOOTSTRAP_SERVERS" in refused.stderr


def test_topics_end_in_a_line_when_no_broker_answers():
    refused = examhall("topics", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert refused.returncode == 2
    assert "Unable to bootstrap" in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_migrating_everything_makes_each_services_database_and_twice_does_no_harm(empty_server: str):
    for _ in range(2):
        assert examhall("migrate", DATABASE_URL=empty_server).returncode == 0
    for service in installed_services():
        assert await _value(database_of(empty_server, service), "SELECT count(*) FROM dead_letters") == 0


async def test_migrating_one_service_works_on_the_database_that_the_address_names(empty_server: str):
    assert examhall("migrate", "identity", DATABASE_URL=empty_server).returncode == 0
    assert await _value(empty_server, "SELECT count(*) FROM specializations") == 17


def test_migrating_without_an_address_says_what_to_set(folder: Path):
    for arguments in (["migrate"], ["migrate", "identity"], ["dead-letters", "list", "identity"]):
        refused = examhall(*arguments, EXAMHALL_DATA=str(folder / "data"))
        assert refused.returncode == 2
        assert "DATABASE_URL" in refused.stderr


async def test_dead_letters_are_listed_with_their_reason(identity_url: str):
    event_id = await _park(identity_url, _entry(), "ValueError: not today")
    listed = examhall("dead-letters", "list", "identity", DATABASE_URL=identity_url, COLUMNS="300").stdout
    assert str(event_id) in listed
    assert "AuditRecorded" in listed
    assert "ValueError: not today" in listed


async def test_a_dead_letter_whose_cause_is_mended_is_taken_in_and_waits_no_more(identity_url: str):
    event_id = await _park(identity_url, _entry(), "OperationalError: away")
    replayed = examhall("dead-letters", "replay", "identity", DATABASE_URL=identity_url, EXAMHALL_SERVICE_SECRET=SECRET)
    assert (replayed.returncode, replayed.stdout.splitlines()[-1]) == (0, "1 of 1 taken in."), replayed
    assert f"{event_id}  {_TYPE}  taken in" in replayed.stdout
    assert await _value(identity_url, "SELECT count(*) FROM audit_entries WHERE action = 'exam_published'") == 1
    listed = examhall("dead-letters", "list", "identity", DATABASE_URL=identity_url).stdout
    assert listed.strip() == "No dead letters."


async def test_a_dead_letter_that_fails_still_stays_and_the_exit_status_says_so(identity_url: str):
    await _park(identity_url, b"\xff\xff not a message", "DecodeError: broken")
    replayed = examhall("dead-letters", "replay", "identity", DATABASE_URL=identity_url, EXAMHALL_SERVICE_SECRET=SECRET)
    assert (replayed.returncode, replayed.stdout.splitlines()[-1]) == (1, "0 of 1 taken in."), replayed
    assert await _value(identity_url, "SELECT count(*) FROM dead_letters WHERE resolved_at IS NULL") == 1


async def test_a_single_dead_letter_can_be_chosen(identity_url: str):
    chosen, other = await _park(identity_url, _entry(), "away"), await _park(identity_url, _entry(), "away")
    replayed = examhall(
        "dead-letters",
        "replay",
        "identity",
        "--event",
        str(chosen),
        DATABASE_URL=identity_url,
        EXAMHALL_SERVICE_SECRET=SECRET,
    )
    assert replayed.stdout.splitlines()[-1] == "1 of 1 taken in."
    assert await _value(identity_url, "SELECT event_id FROM dead_letters WHERE resolved_at IS NULL") == other


def test_status_of_a_machine_where_nothing_runs_is_3_as_systemctl_has_it(folder: Path):
    shown = examhall("status", "--data", str(folder / "data"))
    assert shown.returncode == 3
    assert "does not run" in shown.stdout


_TYPE = AuditRecorded.DESCRIPTOR.full_name


def _entry() -> bytes:
    entry = AuditRecorded(
        entry_id=str(new_id()), service="exams", action="exam_published", entity_type="exam", entity_id=str(new_id())
    )
    entry.recorded_at.GetCurrentTime()
    return entry.SerializeToString()


async def _park(url: str, payload: bytes, reason: str) -> UUID:
    event_id = new_id()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "INSERT INTO dead_letters (event_id, topic, key, type, reason, occurred_at, parked_at, payload)"
            " VALUES ($1, 'audit.entries.v1', $2, $3, $4, now(), now(), $5)",
            event_id, str(new_id()), _TYPE, reason, payload,
        )  # fmt: skip
    finally:
        await connection.close()
    return event_id


async def _value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_dead_letter_that_can_never_be_taken_in_is_given_up_once(identity_url: str):
    event_id = await _park(identity_url, b"\xff\xff not a message", "DecodeError: broken")
    arguments = ("dead-letters", "discard", "identity", "--event", str(event_id))
    assert examhall(*arguments, DATABASE_URL=identity_url).returncode == 0
    listed = examhall("dead-letters", "list", "identity", DATABASE_URL=identity_url).stdout
    assert listed.strip() == "No dead letters."
    assert await _value(identity_url, "SELECT reason FROM dead_letters") == "discarded: DecodeError: broken"
    again = examhall(*arguments, DATABASE_URL=identity_url)
    assert (again.returncode, again.stdout.strip()) == (1, f"No event {event_id} waits.")


def test_an_image_that_holds_no_service_does_not_say_that_all_is_well(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("examhall.serving.installed_services", list)
    seen = CliRunner().invoke(app, ["dead-letters", "list"])
    assert seen.exit_code == 2
    assert "no service is installed here" in seen.output
