"""What the stream's rules do when something goes wrong in one of many."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from chassis.clock import now
from chassis.outbox import timestamp
from proto.examhall.proctoring.v1.exams_pb2 import CollusionRequested
from services.proctoring.exam_watch import ExamWatch
from services.proctoring.stream import agents
from services.proctoring.stream.agents import Exams
from services.proctoring.stream.tests.tapes import Event, event, exam_watched

KEPT_HOURS = 48
LONG_AGO = now() - timedelta(hours=KEPT_HOURS + 1)
ROTTEN, SOUND = "01a1fde5-0000-7000-8000-000000000001", "01a1fde5-0000-7000-8000-000000000002"


class Table:
    """Rows of exams that are watched already."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    def rows(self, partitions: set[int], count: int) -> list[tuple[str, bytes]]:
        return [(f"{exam_id}/plan", b"") for exam_id in (ROTTEN, SOUND)]

    def put(self, partition: int, key: str, value: bytes | None) -> tuple[str, bytes | None]:
        return key, value


class Watch:
    """Stands for an exam's watch; the numbers of ROTTEN can't be computed."""

    def __init__(self, exam_id: str) -> None:
        self.exam_id = exam_id
        self.times = 0

    async def advance(self, now: float) -> list[str]:
        self.times += 1
        if self.exam_id == ROTTEN:
            raise ValueError("the numbers of this exam do not add up")
        return [f"telling {self.times} of {self.exam_id}"]

    def unstored(self) -> dict[str, bytes]:
        return {}


@pytest.fixture
def watches(monkeypatch: pytest.MonkeyPatch) -> dict[str, Watch]:
    made = {exam_id: Watch(exam_id) for exam_id in (ROTTEN, SOUND)}
    monkeypatch.setattr(ExamWatch, "restored", lambda exam_id, rows: made[exam_id])
    return made


@pytest.fixture
def exams(watches: dict[str, Watch]) -> Exams:
    app = SimpleNamespace(exams=Table(), partitions=4, settings=None, worker_name="w")
    found = Exams(app)  # type: ignore[arg-type]
    found.restore({0, 1, 2, 3})
    return found


async def test_an_exam_whose_numbers_cannot_be_computed_rests_and_the_others_go_on(
    exams: Exams, watches: dict[str, Watch]
) -> None:
    failed = agents.ANALYSES_FAILED._value.get()
    told = [telling for _ in range(3) for telling in (await exams.advance()).tell]
    assert told == [f"telling {number} of {SOUND}" for number in (1, 2, 3)]
    assert watches[ROTTEN].times == 1
    assert agents.ANALYSES_FAILED._value.get() == failed + 1


async def test_it_is_tried_again_when_it_has_rested(
    exams: Exams, watches: dict[str, Watch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "REST_SECONDS", 0.0)
    for _ in range(3):
        await exams.advance()
    assert watches[ROTTEN].times == 3


class Stored:
    """Rows of exams as a worker's table keeps them."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def rows(self, partitions: set[int], count: int) -> list[tuple[str, bytes]]:
        return list(self.kept.items())

    def put(self, partition: int, key: str, value: bytes | None) -> None:
        if value is None:
            self.kept.pop(key, None)
        else:
            self.kept[key] = value


@pytest.fixture
def table() -> Stored:
    return Stored()


@pytest.fixture
def worker(table: Stored) -> Exams:
    settings = SimpleNamespace(stream_kept_hours=KEPT_HOURS)
    found = Exams(SimpleNamespace(exams=table, partitions=4, settings=settings, worker_name="w"))  # type: ignore[arg-type]
    found.restore({0, 1, 2, 3})
    return found


def told(worker: Exams, *events: Event) -> list[str]:
    """The types of what a worker tells on hearing of an exam."""
    effects = [
        worker.take_in(0, each.key, [SimpleNamespace(message=each.message, at=each.at)])  # type: ignore[list-item]
        for each in events
    ]
    return [telling.message.DESCRIPTOR.name for effect in effects for telling in effect.tell]


def test_an_exam_that_was_analysed_long_ago_is_forgotten_and_asked_for_when_it_is_open_again(
    worker: Exams, table: Stored
) -> None:
    assert told(worker, exam_watched(SOUND), closed(SOUND, 1)) == []
    worker.forget()
    assert table.kept == {f"{SOUND}/dropped": b"1"}
    assert told(worker, exam_watched(SOUND, revision=2)) == ["StateLost"]
    assert table.kept.keys() == {f"{SOUND}/"}


async def test_an_exam_whose_beginning_was_lost_with_the_state_is_asked_for_when_it_is_open_again(
    worker: Exams, table: Stored
) -> None:
    assert told(worker, exam_watched(SOUND, revision=2)) == ["StateLost"]
    assert told(worker, exam_watched(SOUND), exam_watched(SOUND, revision=3)) == []
    assert told(worker, exam_watched(ROTTEN)) == []
    assert table.kept.keys() == {f"{SOUND}/", f"{ROTTEN}/"}


def test_an_exam_that_is_open_again_is_not_forgotten(worker: Exams, table: Stored) -> None:
    told(worker, exam_watched(SOUND), closed(SOUND, 1), exam_watched(SOUND, revision=2))
    worker.forget()
    assert table.kept.keys() == {f"{SOUND}/"}
    told(worker, closed(SOUND, 2))
    worker.forget()
    assert table.kept.keys() == {f"{SOUND}/dropped"}


def closed(exam_id: str, revision: int) -> Event:
    request = CollusionRequested(
        exam_id=exam_id, request_id=f"close {revision}", is_final=True, at=timestamp(LONG_AGO), exam_revision=revision
    )
    return event("proctoring.exams.v1", exam_id, request, 0)
