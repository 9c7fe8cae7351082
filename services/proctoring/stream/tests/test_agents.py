"""What the stream's rules do when something goes wrong in one of many."""

from types import SimpleNamespace

import pytest

from services.proctoring.exam_watch import ExamWatch
from services.proctoring.stream import agents
from services.proctoring.stream.agents import Exams

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
