"""Events that can't be taken in are put aside with their reason; everything else goes on, and what is mended is taken in again."""

from pathlib import Path
from uuid import uuid4

import pytest

from chassis.clock import now
from examhall.tests.machine import Machine, examhall, wait_for
from proto.examhall.attempts.v1.events_pb2 import AttemptState, AttemptSubmitted
from tests.faults.agreement import rows
from tests.faults.broadcast import Event, publish, publish_bytes, wait_until_all_is_read
from tests.faults.hall import NO_DEAD_LETTERS, dead_letters, hall, must_agree, must_have_kept_every_promise, rehearsal

pytestmark = pytest.mark.faults

TOPIC = "attempts.lifecycle.v1"
HEARERS = ("grading", "analytics", "proctoring")
SUBMITTED = AttemptSubmitted.DESCRIPTOR.full_name


def test_poison_is_parked_by_everybody_who_hears_it_and_the_class_goes_on(folder: Path):
    gibberish = Event(uuid4(), TOPIC, str(uuid4()), SUBMITTED, b"\xff\xff\xff", now())
    nobodys = submitted(AttemptState(attempt_id="not an id", version=1))
    too_large = submitted(
        AttemptState(**dict.fromkeys(("attempt_id", "exam_id", "student_id"), str(uuid4())), version=2**64 - 1)
    )
    poison = [gibberish, nobodys, too_large]
    with hall(folder) as up, rehearsal(up, students=20, pace=2) as sitting:
        sitting.wait_for_saves(40)
        publish_bytes(up, TOPIC, "somebody", b"no event at all")
        publish(up, poison)
        sitting.must_end_clean()
        must_agree(up)
        wait_until_all_is_read(up)
        assert parked(up) == {(service, each.event_id) for service in HEARERS for each in poison}
        assert all(dead_letters(up).count(str(each.event_id)) == len(HEARERS) for each in poison)
        replayed = examhall("dead-letters", "replay", "grading", "--data", str(up.folder))
        assert (replayed.returncode, replayed.stdout.splitlines()[-1]) == (1, "0 of 3 taken in.")
        assert len(parked(up)) == len(HEARERS) * len(poison)


def test_an_event_whose_handler_fails_waits_with_all_that_follow_it_until_it_is_replayed(folder: Path):
    with hall(folder) as up, rehearsal(up, students=20, pace=2) as sitting:
        sitting.wait_for_saves(40)
        rows(up, "analytics", "ALTER TABLE centres ADD CONSTRAINT broken CHECK (code <> 'RVS')")
        token = up.log_in()
        centre = up.call("POST", "/api/v1/centres", {"name": "Riverside Campus", "code": "RVS"}, token)
        up.call("PATCH", f"/api/v1/centres/{centre['id']}", {"name": "Riverside"}, token)
        wait_for(lambda: len(parked(up)) == 2, 60)
        reasons = [reason for (reason,) in rows(up, "analytics", "SELECT reason FROM dead_letters ORDER BY id")]
        assert "broken" in reasons[0]
        assert reasons[1].startswith("waits behind dead letter")

        sitting.must_end_clean()
        must_agree(up)
        assert told_on_the_dead_letter_topic(up) == 2
        rows(up, "analytics", "ALTER TABLE centres DROP CONSTRAINT broken")
        replayed = examhall("dead-letters", "replay", "analytics", "--data", str(up.folder))
        assert (replayed.returncode, replayed.stdout.splitlines()[-1]) == (0, "2 of 2 taken in."), replayed
        assert dead_letters(up) == NO_DEAD_LETTERS
        assert rows(up, "analytics", "SELECT name FROM centres WHERE code = 'RVS'") == [("Riverside",)]
        must_have_kept_every_promise(up)


def submitted(attempt: AttemptState) -> Event:
    """The event of an attempt's end, under a key of its own."""
    return Event(uuid4(), TOPIC, str(uuid4()), SUBMITTED, AttemptSubmitted(attempt=attempt).SerializeToString(), now())


def parked(up: Machine) -> set[tuple[str, object]]:
    """Which services have parked which events."""
    query = "SELECT event_id FROM dead_letters WHERE resolved_at IS NULL"
    return {(service, event) for service in HEARERS for (event,) in rows(up, service, query)}


def told_on_the_dead_letter_topic(up: Machine) -> int:
    """How many events of analytics' dead letters have been published with their reason."""
    query = (
        "SELECT count(*) FROM outbox WHERE topic = 'identity.people.v1.dlq' AND published_at IS NOT NULL"
        " AND headers ->> 'dead-letter-group' = 'examhall.analytics' AND headers ? 'dead-letter-reason'"
    )
    return int(rows(up, "analytics", query)[0][0])
