"""A student's browser against a real HTTP server: what is sent, what is written down, what is called a surprise."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from chassis.testing import eventually
from examhall.rehearsal import sitting
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.ledger import Account, Ledger, account, read
from examhall.rehearsal.people import (
    Ending,
    FindNetwork,
    Give,
    LoseNetwork,
    Reload,
    Script,
    SendAgain,
    SendStale,
    Step,
    Think,
)
from examhall.rehearsal.seats import Exam, Progress, Student
from examhall.rehearsal.sitting import Sitting
from examhall.rehearsal.tests.hall import Attempt, Hall, a_gateway, a_hall, cut_off, problem

NILE, THAMES = {"option_id": "nile"}, {"option_id": "thames"}


@dataclass
class Desk:
    """A student called Ana at a hall, about to sit an exam of two questions."""

    hall: Hall
    gateway: Gateway
    ledger: Path
    progress: Progress = field(default_factory=Progress)
    exam_seconds: float = 600.0
    access_code: str | None = None
    seconds_left: float = 0.0

    async def sit(self, *steps: Step, ending: Ending = Ending.SUBMITS) -> Account:
        """Lets Ana do this; q1 and q2 in the steps stand for the exam's questions. Gives what her ledger tells."""
        exam = self.exam()

        def write(login: str, questions: list[Any], seconds_left: float) -> Script:
            self.seconds_left = seconds_left
            ids = dict(zip(("q1", "q2"), exam["question_ids"], strict=True))
            return Script(tuple(_with_question(step, ids) for step in steps), ending)

        with Ledger(self.ledger) as ledger:
            ana = Student("ana", "a-long-password")
            chosen = Exam(exam["id"], self.access_code or "")
            one = Sitting(self.gateway, ledger, ana, chosen, self.progress)
            await one.sign_in()
            await one.sit(write)
        return account(read(self.ledger))

    def exam(self) -> dict[str, Any]:
        """The exam, made at the first call."""
        if not self.hall.exams:
            self.hall.exam(seconds=self.exam_seconds, access_code=self.access_code)
        (exam,) = self.hall.exams.values()
        return exam

    @property
    def attempt(self) -> Attempt:
        """The only attempt of the hall."""
        (attempt,) = self.hall.attempts.values()
        return attempt

    def answers(self) -> dict[str, tuple[int, Any, bool]]:
        """What the hall holds: revision, response, flag, by q1 and q2."""
        names = dict(zip(self.exam()["question_ids"], ("q1", "q2"), strict=True))
        return {
            names[question]: (answer["revision"], answer["response"], answer["is_flagged"])
            for question, answer in self.attempt.answers.items()
        }

    def count(self, method: str, end: str) -> int:
        """How many requests of this kind reached the hall."""
        return sum(each == method and path.endswith(end) for each, path in self.hall.requests)

    def saves_of_q1(self) -> int:
        """How often the answer to q1 reached the hall by itself."""
        return self.count("PUT", self.exam()["question_ids"][0])

    def before(self, method: str, end: str, change: Callable[[], object]) -> None:
        """Changes something in the hall just before the next request of this kind, once there is an attempt."""

        async def fault(request: web.Request) -> None:
            if request.method == method and request.path.endswith(end) and self.hall.attempts:
                self.hall.faults.remove(fault)
                change()

        self.hall.faults.append(fault)


def _with_question(step: Step, ids: dict[str, str]) -> Step:
    if not isinstance(step, Give | SendAgain | SendStale):
        return step
    return type(step)(**{**vars(step), "question_id": ids[step.question_id]})


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(sitting, "_LOOK_SECONDS", 0.02)
    async with a_hall() as hall, a_gateway(hall) as gateway:
        hall.account("student", "ana", "a-long-password")
        yield Desk(hall, gateway, tmp_path / "ledger.jsonl")


async def test_answers_are_saved_revision_by_revision_and_submitted(desk: Desk):
    told = await desk.sit(Give("q1", THAMES, True), Give("q2", NILE, False), Give("q1", NILE, False))
    assert desk.answers() == {"q1": (2, NILE, False), "q2": (1, NILE, False)}
    assert desk.attempt.is_submitted
    journey = told.journeys[desk.attempt.id]
    assert (journey.login, journey.question_ids) == ("ana", tuple(desk.exam()["question_ids"]))
    assert sorted(journey.acknowledged.values()) == [1, 2]
    assert (journey.is_ended, told.surprises) == (True, ())
    assert desk.progress == Progress(signed_in=1, started=1, finished=1, acknowledged=3)
    assert 595 < desk.seconds_left <= 600


async def test_the_same_save_twice_keeps_its_revision(desk: Desk):
    told = await desk.sit(Give("q1", NILE, False), SendAgain("q1"), SendAgain("q2"))
    assert desk.saves_of_q1() == 2
    assert desk.answers() == {"q1": (1, NILE, False)}
    assert told.surprises == ()


async def test_a_packet_that_comes_late_does_not_win(desk: Desk):
    told = await desk.sit(SendStale("q1"), Give("q1", THAMES, False), Give("q1", NILE, False), SendStale("q1"))
    assert desk.saves_of_q1() == 3
    assert desk.answers() == {"q1": (2, NILE, False)}
    assert told.journeys[desk.attempt.id].contradicted == []


async def test_without_network_nothing_leaves_and_then_everything_goes_together(desk: Desk):
    told = await desk.sit(
        Give("q2", THAMES, False),
        LoseNetwork(),
        Give("q1", THAMES, False),
        Give("q2", NILE, True),
        Give("q1", NILE, False),
        Reload(),
        SendAgain("q2"),
        FindNetwork(),
    )
    assert [desk.count("PUT", "/answers"), desk.count("GET", "/paper"), desk.saves_of_q1()] == [1, 1, 0]
    assert desk.answers() == {"q2": (2, NILE, True), "q1": (2, NILE, False)}
    assert sorted(told.journeys[desk.attempt.id].acknowledged.values()) == [2, 2]
    assert (told.surprises, desk.progress.offline) == ((), 0)


async def test_who_is_offline_at_the_end_comes_back_before_submitting(desk: Desk):
    await desk.sit(LoseNetwork(), Give("q1", NILE, False))
    assert desk.answers() == {"q1": (1, NILE, False)}


async def test_a_save_whose_reply_got_lost_is_sent_until_it_is_acknowledged(desk: Desk):
    desk.exam()
    desk.hall.fails_once("PUT", "/answers/", lambda: problem(503, "dependency-unavailable"))
    desk.hall.fails_once("PUT", "/answers/", cut_off, before=False)
    told = await desk.sit(Give("q1", NILE, False))
    assert list(told.journeys[desk.attempt.id].acknowledged.values()) == [1]
    assert desk.saves_of_q1() == 2  # the one whose reply was cut off had its effect
    assert desk.gateway.steps["save"].outcomes["503"] == 1


async def test_who_runs_out_of_time_is_submitted_and_refused_afterwards(desk: Desk):
    desk.exam_seconds = 0.3
    told = await desk.sit(Give("q1", NILE, False), Think(100), Give("q2", NILE, False), ending=Ending.RUNS_OUT)
    assert desk.answers() == {"q1": (1, NILE, False)}
    journey = told.journeys[desk.attempt.id]
    assert [late.status for late in journey.late] == [409, 409]
    assert (journey.is_ended, told.surprises, desk.count("POST", "/submit")) == (True, (), 0)


async def test_who_submits_with_the_bell_submits_in_the_last_moment(desk: Desk):
    desk.exam_seconds = 0.5
    began = datetime.now(UTC)
    told = await desk.sit(Give("q1", NILE, False), ending=Ending.AT_THE_BELL)
    assert datetime.now(UTC) - began > timedelta(seconds=0.4)
    assert (desk.count("POST", "/submit"), told.surprises) == (1, ())


async def test_who_waits_for_the_end_follows_an_extension(desk: Desk):
    desk.exam_seconds = 0.3

    def extend() -> None:
        desk.attempt.deadline += timedelta(seconds=0.5)

    desk.exam()
    desk.before("GET", "", extend)
    began = datetime.now(UTC)
    told = await desk.sit(ending=Ending.RUNS_OUT)
    assert datetime.now(UTC) - began > timedelta(seconds=0.75)
    assert (told.journeys[desk.attempt.id].is_ended, told.surprises) == (True, ())


async def test_an_end_long_before_the_deadline_is_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sitting, "_LONGEST_LOOK_SECONDS", 0.1)
    desk.exam()

    def end() -> None:
        desk.attempt.is_submitted = True

    desk.before("GET", "", lambda: desk.before("GET", "", end))
    async with asyncio.timeout(10):
        told = await desk.sit(ending=Ending.RUNS_OUT)
    assert (told.journeys[desk.attempt.id].is_ended, told.surprises) == (True, ())


async def test_an_attempt_that_never_ends_is_a_surprise(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk.exam_seconds = 0.1
    monkeypatch.setattr(Hall, "_end_if_due", lambda *_: None)
    monkeypatch.setattr(sitting, "_SUBMITTED_WITHIN", 0.2)
    told = await desk.sit(ending=Ending.RUNS_OUT)
    assert {each.step for each in told.surprises} == {"see the end"}
    assert not told.journeys[desk.attempt.id].is_ended


async def test_a_reload_shows_what_was_acknowledged(desk: Desk):
    told = await desk.sit(Give("q1", THAMES, False), Give("q1", NILE, True), Reload())
    assert desk.count("GET", "/paper") == 2
    assert told.surprises == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda attempt: attempt.answers.clear(), "revision 0 is shown, 1 was acknowledged"),
        (lambda attempt: _all(attempt, response=THAMES), "revision 1 is shown otherwise than it was sent"),
        (lambda attempt: _all(attempt, is_flagged=True), "revision 1 is shown otherwise than it was sent"),
        (lambda attempt: attempt.question_ids.reverse(), "the questions stand in another order than before"),
    ],
)
async def test_another_paper_after_a_reload_is_a_surprise(desk: Desk, change: Callable[[Attempt], None], told: str):
    def after_the_save() -> None:
        desk.before("GET", "/paper", lambda: change(desk.attempt))

    desk.before("PUT", desk.exam()["question_ids"][0], after_the_save)
    surprises = (await desk.sit(Give("q1", NILE, False), Reload())).surprises
    assert [(each.step, each.detail) for each in surprises] == [("read again", told)]


def _all(attempt: Attempt, **changes: Any) -> None:
    for answer in attempt.answers.values():
        answer |= changes


async def test_a_reload_after_the_end_where_no_review_is_allowed_ends_the_sitting(desk: Desk):
    def end() -> None:
        desk.attempt.is_submitted = True
        desk.hall.fails_once("GET", "/paper", lambda: problem(403, "review-not-allowed"))

    desk.before("PUT", desk.exam()["question_ids"][0], lambda: desk.before("GET", "/paper", end))
    told = await desk.sit(Give("q1", NILE, False), Reload(), Give("q2", NILE, False))
    assert desk.answers() == {"q1": (1, NILE, False)}
    assert (told.journeys[desk.attempt.id].is_ended, told.surprises) == (True, ())


async def test_a_student_who_comes_back_to_an_open_attempt_goes_on_from_its_revisions(desk: Desk):
    exam, ana = desk.exam(), desk.hall.accounts["ana"]["id"]
    question = exam["question_ids"][0]
    attempt = Attempt("a1", exam["id"], ana, list(exam["question_ids"]), datetime.now(UTC) + timedelta(hours=1))
    attempt.answers[question] = {"revision": 4, "response": THAMES, "is_flagged": True}
    desk.hall.attempts["a1"] = attempt
    told = await desk.sit(Give("q1", NILE, False))
    assert desk.answers() == {"q1": (5, NILE, False)}
    assert sorted(told.journeys["a1"].sent[question]) == [4, 5]
    assert told.journeys["a1"].acknowledged == {question: 5}


async def test_a_paused_attempt_is_waited_for(desk: Desk):
    def pause() -> None:
        desk.attempt.is_paused = True

    desk.before("PUT", desk.exam()["question_ids"][0], pause)
    running = asyncio.create_task(desk.sit(Give("q1", NILE, False)))
    await eventually(lambda: desk.saves_of_q1() >= 3)
    desk.attempt.is_paused = False
    told = await running
    assert desk.answers() == {"q1": (1, NILE, False)}
    assert told.surprises == ()


async def test_heartbeats_go_out_while_one_thinks_and_not_without_network(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sitting, "_HEARTBEAT_SECONDS", 0.02)
    await desk.sit(LoseNetwork(), Think(0.2), FindNetwork())
    silent = desk.count("POST", "/heartbeat")
    desk.hall.attempts.clear()
    await desk.sit(Think(0.2))
    assert silent <= 1 < desk.count("POST", "/heartbeat")


async def test_an_extension_is_noticed_by_the_next_reply(desk: Desk):
    desk.exam_seconds = 1.0

    def extend() -> None:
        desk.attempt.deadline += timedelta(seconds=60)

    desk.before("PUT", desk.exam()["question_ids"][0], extend)
    told = await desk.sit(Give("q1", NILE, False), Think(1.2), Give("q2", NILE, False), Reload())
    assert set(desk.answers()) == {"q1", "q2"}
    assert told.surprises == ()


async def test_an_expired_token_is_renewed_by_signing_in_again(desk: Desk):
    desk.before("PUT", desk.exam()["question_ids"][0], desk.hall.tokens.clear)
    told = await desk.sit(Give("q1", NILE, False))
    assert desk.answers() == {"q1": (1, NILE, False)}
    assert told.surprises == ()


async def test_an_exam_with_an_access_code_is_started_with_it(desk: Desk):
    desk.access_code = "RIVER-7"
    assert (await desk.sit(Give("q1", NILE, False))).surprises == ()


async def test_who_can_not_sign_in_does_not_sit(desk: Desk):
    desk.hall.accounts["ana"]["password"] = "another-password"
    (surprise,) = (await desk.sit(Give("q1", NILE, False))).surprises
    assert (surprise.step, surprise.detail) == (
        "log in",
        "401 unauthenticated The log-in or the password is wrong.",
    )
    assert desk.hall.attempts == {}


@pytest.mark.parametrize(
    ("method", "part", "status", "step"),
    [
        ("POST", "/attempts", 403, "start"),
        ("GET", "/paper", 404, "read the paper"),
        ("PUT", "/answers/", 422, "save"),
        ("PUT", "/answers/", 409, "save"),
        ("PUT", "/answers/", 500, "save"),
        ("POST", "/submit", 409, "submit"),
    ],
)
async def test_a_refusal_that_no_rule_explains_is_a_surprise(
    desk: Desk, method: str, part: str, status: int, step: str
):
    desk.exam()
    desk.hall.fails_once(method, part, lambda: problem(status, "odd", "Because."))
    (surprise,) = (await desk.sit(Give("q1", NILE, False))).surprises
    assert (surprise.login, surprise.step, surprise.detail) == ("ana", step, f"{status} odd Because.")


async def test_a_server_that_stays_away_is_a_surprise(desk: Desk):
    async def away(request: web.Request) -> web.Response | None:
        return problem(503, "dependency-unavailable") if request.method == "PUT" else None

    desk.hall.faults.append(away)
    (surprise,) = (await desk.sit(Give("q1", NILE, False))).surprises
    assert (surprise.step, surprise.detail) == ("gateway", "save: 503 for 2 s")
    assert desk.progress.finished == 1


async def test_a_reply_of_another_shape_is_a_surprise(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Hall, "_save", lambda *_: {"stored": True})
    (surprise,) = (await desk.sit(Give("q1", NILE, False))).surprises
    assert (surprise.step, surprise.detail) == (
        "contract",
        "a reply of another shape than agreed: KeyError 'revision'",
    )


async def test_slow_replies_take_nothing_from_the_time_to_think(desk: Desk):
    async def slow(request: web.Request) -> None:
        if request.method == "PUT":
            await asyncio.sleep(0.2)

    desk.exam()
    desk.hall.faults.append(slow)
    began = datetime.now(UTC)
    think = Think(0.3)
    await desk.sit(
        think, Give("q1", NILE, False), think, Give("q2", NILE, False), think, Give("q1", THAMES, False), think
    )
    assert timedelta(seconds=1.2) <= datetime.now(UTC) - began < timedelta(seconds=1.75)


async def test_after_a_long_silence_people_do_not_make_up_for_all_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sitting, "_PATIENCE_SECONDS", 0.1)

    async def silent(request: web.Request) -> None:
        if request.method == "PUT":
            await asyncio.sleep(0.5)

    desk.exam()
    desk.hall.faults.append(silent)
    began = datetime.now(UTC)
    await desk.sit(Give("q1", NILE, False), Think(0.4))
    assert datetime.now(UTC) - began >= timedelta(seconds=0.8)
