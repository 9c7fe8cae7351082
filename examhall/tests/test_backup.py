"""Backups: of one instant, closed to whoever has no key, refused when damaged, and put back all or nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from pyrage.x25519 import Identity

from chassis.ids import new_id
from chassis.testing import eventually, fresh_database
from examhall.backup import archives, keys
from examhall.backup.archives import Backup, NotABackup
from examhall.backup.keys import NoKey
from examhall.backup.making import make_backup
from examhall.backup.restoring import CannotRestore, restore, secret_of
from examhall.tests.machine import examhall

KEY = Identity.generate()
_RECORD = (
    "INSERT INTO outbox (event_id, topic, key, type, subject, payload, published_at)"
    " VALUES (gen_random_uuid(), 'identity.people.v1', $1, 'a.Type', $1, convert_to($1, 'UTF8'), now())"
)
_HEARD = "INSERT INTO inbox (event_id, topic) VALUES ($1, 'identity.people.v1')"


@pytest.fixture
async def databases(postgres_url: str) -> dict[str, str]:
    return {service: await fresh_database(postgres_url, service) for service in ("identity", "grading")}


async def backed_up(databases: dict[str, str], folder: Path) -> Backup:
    return await make_backup(databases, folder / "backups", [KEY.to_public()], "the secret")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def value(url: str, query: str) -> object:
    async with connected(url) as connection:
        return await connection.fetchval(query)


async def run(url: str, statement: str, *values: object) -> None:
    async with connected(url) as connection:
        await connection.execute(statement, *values)


async def test_a_restored_backup_holds_what_was_there_and_nothing_that_came_later(
    databases: dict[str, str], folder: Path
):
    await run(databases["identity"], _RECORD, "before")
    made = await backed_up(databases, folder)
    await run(databases["identity"], _RECORD, "after")
    await restore(made, databases, KEY, replace=True)
    assert await value(databases["identity"], "SELECT array_agg(key) FROM outbox") == ["before"]
    assert await secret_of(made, KEY) == "the secret"


async def test_a_restored_database_belongs_to_the_role_that_its_service_signs_in_as(
    databases: dict[str, str], folder: Path
):
    made = await backed_up(databases, folder)
    role = f"service_{new_id().hex}"
    await run(databases["identity"], f"CREATE ROLE {role}")
    await run(databases["identity"], f'ALTER DATABASE "{urlsplit(databases["identity"]).path[1:]}" OWNER TO {role}')
    await restore(made, databases, KEY, replace=True)
    assert await _owners(databases["identity"]) == {role}
    anew = {"identity": _named(databases["identity"], role), "grading": _named(databases["grading"], f"x{role}")}
    await restore(made, anew, KEY, replace=False)
    assert await _owners(anew["identity"]) == {role}
    assert await _owners(anew["grading"]) == {await value(anew["grading"], "SELECT current_user")}


async def _owners(url: str) -> set[str]:
    """Whose the database is, and every table and sequence in it."""
    async with connected(url) as connection:
        own = await connection.fetch(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        )
    return {row[0] for row in own}


async def test_events_that_not_everybody_had_taken_in_are_published_again(databases: dict[str, str], folder: Path):
    url = databases["identity"]
    for key in ("taken in", "not yet", "nor this"):
        await run(url, _RECORD, key)
    first_waiting = await value(url, "SELECT id FROM outbox WHERE key = 'not yet'")
    await run(
        url,
        "INSERT INTO outbox_log (topic, replay_from, end_offsets) VALUES ('identity.people.v1', $1, '{\"0\": 9}')",
        first_waiting,
    )
    restored = await restore(await backed_up(databases, folder), databases, KEY, replace=True)
    assert {each.service: each.events for each in restored} == {"identity": 2, "grading": 0}
    assert await value(url, "SELECT array_agg(key ORDER BY id) FROM outbox WHERE published_at IS NULL") == [
        "not yet",
        "nor this",
    ]
    assert await value(url, "SELECT (generation, end_offsets)::text FROM outbox_log") == "(2,{})"


async def test_what_one_database_has_heard_the_other_has_recorded_whenever_the_backup_is_made(
    databases: dict[str, str], folder: Path
):
    stop = asyncio.Event()

    async def record_and_hear() -> None:
        async with connected(databases["identity"]) as producer, connected(databases["grading"]) as consumer:
            while not stop.is_set():
                event_id = new_id()
                await producer.execute(
                    "INSERT INTO outbox (event_id, topic, key, type, subject, payload) VALUES ($1, 't', 'k', 't', 's', '')",
                    event_id,
                )
                await consumer.execute(_HEARD, event_id)

    working = [asyncio.create_task(record_and_hear()) for _ in range(3)]
    await eventually(lambda: value(databases["grading"], "SELECT count(*) > 50 FROM inbox"))
    for attempt in range(3):
        made = await backed_up(databases, folder / str(attempt))
        beside = {service: _named(url, f"restored_{new_id().hex}") for service, url in databases.items()}
        await restore(made, beside, KEY, replace=False)
        async with connected(beside["identity"]) as producer, connected(beside["grading"]) as consumer:
            recorded = {row[0] for row in await producer.fetch("SELECT event_id FROM outbox")}
            heard = {row[0] for row in await consumer.fetch("SELECT event_id FROM inbox")}
        assert heard
        assert heard <= recorded
    stop.set()
    await asyncio.gather(*working)


async def test_a_key_that_does_not_fit_opens_nothing_and_leaves_everything_as_it_was(
    databases: dict[str, str], folder: Path
):
    await run(databases["identity"], _RECORD, "before")
    made = await backed_up(databases, folder)
    await run(databases["identity"], _RECORD, "after")
    with pytest.raises(CannotRestore, match="does not open"):
        await restore(made, databases, Identity.generate(), replace=True)
    with pytest.raises(CannotRestore, match="does not open"):
        await secret_of(made, Identity.generate())
    assert await value(databases["identity"], "SELECT count(*) FROM outbox") == 2
    assert await value(databases["identity"], "SELECT count(*) FROM pg_database WHERE datname LIKE '%_restoring'") == 0


async def test_nothing_in_a_backup_is_readable(databases: dict[str, str], folder: Path):
    await run(databases["identity"], _RECORD, "somebody's name")
    made = await backed_up(databases, folder)
    assert all(file.read_bytes().startswith(b"age-encryption.org/v1") for file in made.folder.glob("*.age"))
    assert not any(b"somebody" in file.read_bytes() for file in made.folder.iterdir())
    assert made.folder.stat().st_mode & 0o077 == 0


async def test_a_damaged_or_missing_part_is_refused_by_name(databases: dict[str, str], folder: Path):
    made = await backed_up(databases, folder)
    part = made.folder / "grading.dump.age"
    content = part.read_bytes()
    part.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(NotABackup, match=r"grading\.dump\.age is damaged"):
        await restore(made, databases, KEY, replace=True)
    part.unlink()
    with pytest.raises(NotABackup, match=r"grading\.dump\.age is missing"):
        await restore(made, databases, KEY, replace=True)


async def test_databases_that_are_there_are_not_replaced_unasked(databases: dict[str, str], folder: Path):
    made = await backed_up(databases, folder)
    with pytest.raises(CannotRestore, match="There are databases already: identity, grading"):
        await restore(made, databases, KEY, replace=False)


async def test_a_backup_that_lacks_a_service_is_refused(databases: dict[str, str], folder: Path):
    made = await backed_up({"identity": databases["identity"]}, folder)
    with pytest.raises(CannotRestore, match="does not hold: grading"):
        await restore(made, databases, KEY, replace=True)


async def test_a_backup_that_was_cut_off_is_none(databases: dict[str, str], folder: Path):
    made = await backed_up(databases, folder)
    (made.folder / "manifest.json").unlink()
    assert archives.listed(folder / "backups") == []
    with pytest.raises(NotABackup, match="cut off"):
        archives.read(made.folder)


def test_old_backups_go_and_the_newest_stays_however_old(folder: Path):
    moment = datetime(2026, 6, 30, 12, tzinfo=UTC)
    for days in (90, 40, 35):
        made_at = moment - timedelta(days=days)
        made = archives.new_folder(folder, made_at)
        archives.finish(made, archives.Manifest(made_at.isoformat(), "1", [], {}, None))
    (folder / "something else").mkdir()
    gone = archives.prune(folder, moment, timedelta(days=30))
    assert len(gone) == 2
    assert [backup.made_at for backup in archives.listed(folder)] == [moment - timedelta(days=35)]
    assert (folder / "something else").exists()


def test_a_file_that_holds_no_key_is_refused_by_name(folder: Path):
    folder.mkdir(exist_ok=True)
    (folder / "key").write_text("AGE-SECRET-KEY-1NOTHING\n")
    for file in ("key", "nothing"):
        with pytest.raises(NoKey, match=file):
            keys.identity_in(folder / file)
    with pytest.raises(NoKey, match="age1nobody"):
        keys.recipients(["age1nobody"])


def test_the_commands_say_what_is_missing(folder: Path):
    data = str(folder / "data")
    assert "DATABASE_URL is not set" in examhall("backup", EXAMHALL_DATA=data).stderr
    assert "No backups." in examhall("backups", EXAMHALL_DATA=data).stdout
    refused = examhall("restore", "yesterday", EXAMHALL_DATA=data)
    assert refused.returncode == 2
    assert "holds no backup" in refused.stderr


def _named(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
