"""The broker delivers twice and in another order, and nobody is graded, counted or noted twice for it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from examhall.places import SERVICES
from examhall.tests.machine import Machine
from services.analytics.tables import READ_MODELS
from tests.faults.agreement import rows
from tests.faults.broadcast import Event, all_events, publish, wait_until_all_is_read
from tests.faults.hall import hall, must_have_kept_every_promise, rehearsal

pytestmark = pytest.mark.faults

_KEPT_EVENTS = "SELECT event_id::text FROM outbox WHERE topic <> 'proctoring.live.v1'"
_OF_DELIVERY = {"inbox", "outbox", "outbox_log", "alembic_version"}
Contents = Mapping[str, Counter[str]]


def test_every_event_comes_twice_more_in_shuffled_order_and_changes_nothing(folder: Path):
    with hall(folder) as up:
        before, events = after_a_rehearsal(up)
        publish(up, twice_and_shuffled(events))
        wait_until_all_is_read(up)
        assert changes(before, contents(up)) == []


def test_services_that_forgot_what_they_had_taken_in_take_everything_in_again_shuffled_and_come_to_the_same(
    folder: Path,
):
    with hall(folder) as up:
        before, events = after_a_rehearsal(up)
        for service in SERVICES:
            emptied = ["inbox", *(str(table.__tablename__) for table in READ_MODELS if service == "analytics")]
            rows(up, service, f"TRUNCATE {', '.join(emptied)}")
        publish(up, twice_and_shuffled(events))
        wait_until_all_is_read(up)
        assert changes(before, contents(up)) == []


def after_a_rehearsal(up: Machine) -> tuple[Contents, list[Event]]:
    """What all databases hold after a class has sat, and the events that told of it."""
    with rehearsal(up, students=16, pace=6) as sitting:
        must_have_kept_every_promise(up, sitting)
    wait_until_all_is_read(up)
    return contents(up), all_events(up)


def twice_and_shuffled(events: list[Event]) -> list[Event]:
    """Each event twice; even those of one key lose their order."""
    assert len(events) > 500
    doubled = events * 2
    Random(1).shuffle(doubled)
    return doubled


def contents(up: Machine) -> Contents:
    """Every row of every table of every service, as text; of the outboxes which events there are, but for live ones, which are swept after a minute."""
    held = {}
    for service in SERVICES:
        tables = rows(up, service, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            if table not in _OF_DELIVERY:
                held[f"{service}.{table}"] = Counter(
                    text for (text,) in rows(up, service, f"SELECT t::text FROM {table} t")
                )
        held[f"{service}.outbox"] = Counter(text for (text,) in rows(up, service, _KEPT_EVENTS))
    return held


def changes(before: Contents, after: Contents) -> list[str]:
    """Tables whose rows are not the same any more, with two rows of each side."""
    return [
        f"{table}: gone {list((rows_before - after[table]).elements())[:2]}, new {list((after[table] - rows_before).elements())[:2]}"
        for table, rows_before in before.items()
        if rows_before != after[table]
    ]
