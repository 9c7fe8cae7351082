"""What several services hold of the same thing, read from their databases: after all events are taken in, the same."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import asyncpg

from examhall.places import SERVICES, kept, naming
from examhall.tests.machine import Machine

Row = tuple[Any, ...]
Held = Mapping[str, Sequence[Row]]

_ATTEMPTS = "SELECT id, version, status FROM attempts"
_PUBLISHED = "SELECT id, revision FROM exams"
# What is compared → service → its rows; the first service is the one that decides.
_SAID: Mapping[str, Mapping[str, str]] = {
    "people": {
        "identity": "SELECT id, version FROM people",
        "exams": "SELECT id, version FROM people",
        "attempts": "SELECT id, version FROM people WHERE state IS NOT NULL",
        "proctoring": "SELECT id, version FROM people",
        "grading": "SELECT id, version FROM people",
        "analytics": "SELECT id, version FROM people WHERE NOT is_deleted",
    },
    "published exams": {
        "exams": f"{_PUBLISHED} WHERE version > 0",
        "attempts": _PUBLISHED,
        "proctoring": _PUBLISHED,
        "grading": _PUBLISHED,
        "analytics": _PUBLISHED,
    },
    "attempts": {"attempts": _ATTEMPTS, "proctoring": _ATTEMPTS, "grading": _ATTEMPTS, "analytics": _ATTEMPTS},
    "latest answers": {
        "attempts": "SELECT attempt_id, question_id::text, revision FROM answers",
        "analytics": "SELECT attempt_id, question_id, max(number) FROM moments WHERE source = 'answer' GROUP BY 1, 2",
    },
    "graded attempts": {
        "attempts": "SELECT id FROM attempts WHERE status = 'submitted'",
        "grading": "SELECT attempt_id FROM grades",
    },
    "grades": {
        "grading": "SELECT attempt_id, revision, status, is_released, score, max_score FROM grades",
        "analytics": "SELECT attempt_id, revision, status, is_released, score, max_score FROM grades",
    },
    "marks": {
        "grading": "SELECT attempt_id, question_id, points_awarded, outcome FROM question_marks",
        "analytics": "SELECT attempt_id, question_id, points, outcome FROM marks",
    },
}
_UNPUBLISHED = "SELECT topic, count(*) FROM outbox WHERE published_at IS NULL GROUP BY topic"


def disagreements(up: Machine) -> list[str]:
    """What services do not agree on yet, and which events have not left yet; nothing when all is taken in."""
    return list(_differing(asyncio.run(_all_said(up))))


def saved_revisions(up: Machine) -> int | None:
    """The sum of the revisions of all answers, which grows with every save; None while PostgreSQL does not answer."""
    try:
        [(total,)] = rows(up, "attempts", "SELECT coalesce(sum(revision), 0) FROM answers")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    return int(total)


def rows(up: Machine, service: str, query: str, *values: object) -> list[Row]:
    """Rows of a service's database."""
    return asyncio.run(_rows(up, service, [(query, values)]))[0]


async def _rows(up: Machine, service: str, queries: Sequence[tuple[str, Sequence[object]]]) -> list[list[Row]]:
    address = kept(up.folder, up.port).servers(naming(up.record.named)).database(service)
    connection = await asyncpg.connect(address, timeout=5)
    try:
        return [[tuple(row) for row in await connection.fetch(query, *values)] for query, values in queries]
    finally:
        await connection.close()


async def _all_said(up: Machine) -> dict[str, dict[str, list[Row]]]:
    """What is compared → service → its rows."""
    said: dict[str, dict[str, list[Row]]] = {"unpublished events": {}}
    for service in SERVICES:
        asked = {what: queries[service] for what, queries in _SAID.items() if service in queries}
        asked["unpublished events"] = _UNPUBLISHED
        answers = await _rows(up, service, [(query, ()) for query in asked.values()])
        for what, answer in zip(asked, answers, strict=True):
            said.setdefault(what, {})[service] = answer
    return said


def _differing(said: Mapping[str, Held]) -> Iterator[str]:
    for what, held in said.items():
        if what == "unpublished events":
            yield from (f"{service} has {what}: {waiting}" for service, waiting in held.items() if waiting)
            continue
        first = next(iter(_SAID[what]))
        truth = Counter(held[first])
        for service, told in held.items():
            missing, strange = truth - Counter(told), Counter(told) - truth
            if missing or strange:
                yield f"{what}: {service} lacks {_some(missing)} of {first}'s {truth.total()}, and has else {_some(strange)}"


def _some(found: Counter[Row]) -> str:
    shown = "; ".join(str(row) for row in list(found)[:2])
    return f"{found.total()} ({shown} …)" if found else "none"
