"""The doctor: what it says of things that are well, of things that are not, and of things that are away."""

from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.kafka import new_producer
from chassis.testing import fresh_database
from examhall.checkup import looks, rules
from examhall.checkup.findings import Finding, Grade
from examhall.servers import HOST, free_port
from examhall.tests.machine import examhall

_EVENT = (
    "INSERT INTO outbox (event_id, topic, key, type, subject, payload, occurred_at)"
    " VALUES (gen_random_uuid(), 't', 'k', 't', 's', '', now() - interval '10 minutes')"
)
_LETTER = (
    "INSERT INTO dead_letters (event_id, topic, key, type, payload, reason, occurred_at)"
    " VALUES (gen_random_uuid(), 't', 'k', 't', '', 'poison', now())"
)
RANK = {Grade.FINE: 0, Grade.WATCH: 1, Grade.WRONG: 2}


def grades(found: list[Finding]) -> dict[str, Grade]:
    return {each.about: each.grade for each in found}


@pytest.mark.parametrize(
    ("finding", "grade"),
    [
        (rules.disk("d", 0.79, 1), Grade.FINE),
        (rules.disk("d", 0.80, 1), Grade.WATCH),
        (rules.disk("d", 0.90, 1), Grade.WRONG),
        (rules.clock("c", timedelta(seconds=-0.9)), Grade.FINE),
        (rules.clock("c", timedelta(seconds=-1)), Grade.WATCH),
        (rules.clock("c", timedelta(seconds=30)), Grade.WRONG),
        (rules.migrations("m", "0002", "0002", {"0001", "0002"}), Grade.FINE),
        (rules.migrations("m", "0001", "0002", {"0001", "0002"}), Grade.WRONG),
        (rules.migrations("m", None, "0002", {"0001", "0002"}), Grade.WRONG),
        (rules.outbox("o", 0, None), Grade.FINE),
        (rules.outbox("o", 3, timedelta(seconds=29)), Grade.FINE),
        (rules.outbox("o", 3, timedelta(seconds=30)), Grade.WATCH),
        (rules.outbox("o", 3, timedelta(minutes=5)), Grade.WRONG),
        (rules.dead_letters("l", 0), Grade.FINE),
        (rules.dead_letters("l", 1), Grade.WRONG),
        (rules.idle_transactions("t", None), Grade.FINE),
        (rules.idle_transactions("t", 60), Grade.WATCH),
        (rules.lag("g", 19_999), Grade.FINE),
        (rules.lag("g", 20_000), Grade.WATCH),
        (rules.certificate("c", timedelta(days=31)), Grade.FINE),
        (rules.certificate("c", timedelta(days=30)), Grade.WATCH),
        (rules.certificate("c", timedelta(days=7)), Grade.WRONG),
        (rules.certificate("c", timedelta(0)), Grade.WRONG),
        (rules.backup("b", timedelta(hours=35)), Grade.FINE),
        (rules.backup("b", timedelta(hours=36)), Grade.WATCH),
        (rules.backup("b", timedelta(days=8)), Grade.WRONG),
        (rules.backup("b", None), Grade.WATCH),
    ],
)
def test_each_bound_belongs_to_the_graver_side_and_whatever_is_not_fine_says_what_to_do(finding: Finding, grade: Grade):
    assert finding.grade is grade
    assert bool(finding.do) is (grade is not Grade.FINE)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_fuller_disk_is_never_better(one: float, other: float):
    less, more = sorted((one, other))
    assert RANK[rules.disk("d", less, 0).grade] <= RANK[rules.disk("d", more, 0).grade]


def test_a_database_of_a_newer_version_is_not_migrated_but_left_to_that_version():
    found = rules.migrations("m", "0009", "0002", {"0001", "0002"})
    assert (found.grade, "newer version" in found.do) == (Grade.WRONG, True)


async def test_a_database_that_is_well_has_nothing_wrong_with_it(postgres_url: str):
    found = await looks.database("identity", await fresh_database(postgres_url, "identity"))
    assert set(grades(found).values()) == {Grade.FINE}
    assert len(found) == 5


async def test_what_waits_in_a_database_is_found(postgres_url: str):
    url = await fresh_database(postgres_url, "identity")
    connection = await asyncpg.connect(url)
    await connection.execute(_EVENT)
    await connection.execute(_LETTER)
    await connection.close()
    found = grades(await looks.database("identity", url))
    assert found["outbox of identity"] is Grade.WRONG
    assert found["events for identity"] is Grade.WRONG


async def test_a_database_that_is_not_there_and_a_server_that_is_away_are_told_apart(postgres_url: str):
    [missing] = await looks.database("identity", postgres_url.rpartition("/")[0] + "/examhall_nowhere")
    [away] = await looks.database("identity", f"postgresql://postgres@{HOST}:{free_port()}/examhall_identity")
    assert "examhall migrate" in missing.do
    assert "does not answer" in away.says


async def test_an_empty_database_is_to_be_migrated(postgres_url: str):
    found = await looks.database("identity", postgres_url)
    assert grades(found)["database of identity"] is Grade.WRONG


async def test_redis_is_asked(redis_url: str):
    assert grades(await looks.redis(redis_url)) == {"Redis": Grade.FINE}
    assert grades(await looks.redis(f"redis://{HOST}:{free_port()}/0")) == {"Redis": Grade.WATCH}


async def test_missing_topics_and_lagging_groups_are_found_and_a_broker_that_is_away(
    kafka: str, monkeypatch: pytest.MonkeyPatch
):
    producer = new_producer(kafka)
    await producer.start()
    for _ in range(3):
        await producer.send_and_wait("exams.exams.v1", b"", key=b"k")
    await producer.stop()
    monkeypatch.setattr(rules, "LAG_WATCH", 3)
    found = grades(await looks.kafka(kafka, ["exams.exams.v1", "examhall.never.v1"]))
    assert found["Kafka"] is Grade.FINE
    assert found["topics"] is Grade.WRONG
    assert found["examhall.grading on exams.exams.v1"] is Grade.WATCH
    assert grades(await looks.kafka(f"{HOST}:{free_port()}", [])) == {"Kafka": Grade.WRONG}


async def test_a_process_that_does_not_answer_is_named():
    [found] = await looks.processes({"grading": f"{HOST}:{free_port()}"})
    assert (found.about, found.grade) == ("grading", Grade.WRONG)


async def test_a_certificate_that_cannot_be_seen_is_wrong():
    [found] = await looks.certificate(f"https://{HOST}:{free_port()}")
    assert found.grade is Grade.WRONG


async def test_backups_and_disks_are_looked_at(folder: Path):
    assert grades(await looks.backups(folder / "none")) == {"backups": Grade.WATCH}
    [disk] = await looks.disks({"data": folder})
    assert disk.about == "disk of the data"


def test_where_nothing_runs_the_command_says_so(folder: Path):
    seen = examhall("doctor", EXAMHALL_DATA=str(folder / "data"))
    assert seen.returncode == 2
    assert "does not run here" in seen.stdout
