"""Whole rehearsals against a hall that keeps its promises, and against halls that break one each."""

import json
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from examhall.rehearsal import invigilation, proctor, proctoring, rehearse, sitting, staff
from examhall.rehearsal import rehearsal as module
from examhall.rehearsal.audit import Kind
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.ledger import Entry, Extended, Told, account, read
from examhall.rehearsal.people import Ending, Script
from examhall.rehearsal.tests.desk import Desk
from examhall.rehearsal.tests.hall import ADMIN, PATIENCE, SECONDS_A_TRY, Attempt, Hall, a_hall, problem
from examhall.rehearsing import RehearsalOptions

Break = Callable[[Hall, pytest.MonkeyPatch], None]


class Rehearsal:
    """A rehearsal of eight students that takes four seconds: on a busy machine one must suffice to come in."""

    def __init__(self, hall: Hall, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.hall = hall
        self.said = ""
        self.report = folder / "report.json"
        self._capsys = capsys
        self._options = RehearsalOptions(
            gateway=hall.address,
            exam=None,
            students=None,
            count=8,
            questions=34,
            pace=1.0,
            seed=1,
            report=self.report,
            login=ADMIN[0],
            password=ADMIN[1],
        )

    async def hold(self, **changes: Any) -> int:
        """Its exit status; what it prints is in `said`."""
        status = await rehearse(replace(self._options, **changes))
        self.said = " ".join(self._capsys.readouterr().out.split())
        return status

    @property
    def told(self) -> dict[str, Any]:
        """The audit of the report."""
        told: dict[str, Any] = json.loads(self.report.read_text())["audit"]
        return told

    @property
    def steps(self) -> dict[str, Any]:
        """The steps of the report."""
        steps: dict[str, Any] = json.loads(self.report.read_text())["steps"]
        return steps

    @property
    def proctoring(self) -> dict[str, Any]:
        """What the report says of proctoring."""
        told: dict[str, Any] = json.loads(self.report.read_text())["proctoring"]
        return told

    @property
    def entries(self) -> list[Entry]:
        """What stands in the ledger."""
        (ledger,) = Path(tempfile.gettempdir()).glob("examhall-rehearsal-*/ledger.jsonl")
        return list(read(ledger))

    @property
    def kinds(self) -> set[str]:
        """What was found."""
        return {finding["kind"] for finding in self.told["findings"]}


@pytest.fixture
async def rehearsal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Rehearsal]:
    monkeypatch.setattr(module, "SITTING_SECONDS", 3.0)
    monkeypatch.setattr(module, "_START_SECONDS", 1.0)
    monkeypatch.setattr(module, "_ARRIVAL_SECONDS", 0.1)
    monkeypatch.setattr(module, "Gateway", partial(Gateway, patience=PATIENCE, seconds_a_try=SECONDS_A_TRY))
    monkeypatch.setattr(sitting, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(staff, "_FIRST_MARKED_WITHIN", 1.0)
    monkeypatch.setattr(invigilation, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(proctoring, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(proctoring, "_AGREES_WITHIN", 1.0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    async with a_hall() as hall:
        yield Rehearsal(hall, tmp_path, capsys)


async def test_a_hall_that_keeps_its_promises_passes(rehearsal: Rehearsal):
    assert await rehearsal.hold() == 0, rehearsal.said
    told = rehearsal.told
    assert (told["attempts"], told["marked_once"], told["scores_as_expected"]) == (8, 8, 8)
    assert told["answers_acknowledged"] == told["answers_found"] > 100
    assert {"log in", "start", "read the paper", "save", "submit", "see the result", "staff"} <= set(rehearsal.steps)
    assert "Everything is as it was promised." in rehearsal.said
    assert [path.rpartition("/")[2] for _, path in rehearsal.hall.requests][-1] == "archive"


async def test_the_seed_decides_what_everybody_does(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch):
    seeds: list[str] = []

    def write(seed: str, *_: object) -> Script:
        seeds.append(seed)
        return Script((), Ending.SUBMITS)

    monkeypatch.setattr(proctoring, "write_script", write)
    assert await rehearsal.hold(seed=7, count=3) == 0, rehearsal.said
    assert sorted(seed.partition("/")[0] for seed in seeds) == ["7", "7", "7"]
    assert len(set(seeds)) == 3


async def test_restarts_in_the_middle_are_survived(rehearsal: Rehearsal):
    count = 0

    async def hiccup(_: web.Request) -> web.Response | None:
        nonlocal count
        count += 1
        return problem(503, "dependency-unavailable") if count % 20 == 0 else None

    rehearsal.hall.faults.append(hiccup)
    assert await rehearsal.hold() == 0, rehearsal.said
    assert sum(step["outcomes"].get("503", 0) for step in rehearsal.steps.values()) > 10
    assert "× 503, tried again" in rehearsal.said


def loses_an_answer(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    end = Hall._of_attempt

    def of_attempt(self: Hall, method: str, attempt: Attempt, rest: list[str], body: object) -> Any:
        if rest == ["submit"] and attempt.answers:
            attempt.answers.popitem()
        return end(self, method, attempt, rest, body)

    monkeypatch.setattr(Hall, "_of_attempt", of_attempt)


def keeps_the_older_revision(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(self: Hall, attempt: Attempt, question_id: str, given: dict[str, Any]) -> dict[str, Any]:
        attempt.answers.setdefault(question_id, given)
        return {"question_id": question_id, "revision": given["revision"], "saved": True}

    monkeypatch.setattr(Hall, "_save", save)


def marks_twice(hall: Hall, _: pytest.MonkeyPatch) -> None:
    hall.grade_changes = lambda grade: [grade, grade]


def marks_nobody(hall: Hall, _: pytest.MonkeyPatch) -> None:
    hall.grade_changes = lambda _: []


def is_generous(hall: Hall, _: pytest.MonkeyPatch) -> None:
    hall.grade_changes = lambda grade: [grade | {"score": str(float(grade["score"]) + 1)}]


def shows_scores_early(hall: Hall, _: pytest.MonkeyPatch) -> None:
    hall.shows_scores_early = True


def takes_late_saves(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    end = Hall._of_attempt

    def of_attempt(self: Hall, method: str, attempt: Attempt, rest: list[str], body: Any) -> Any:
        if method == "PUT" and len(rest) == 2 and attempt.is_submitted:
            return 200, self._save(attempt, rest[1], body) | self._clock(attempt)
        return end(self, method, attempt, rest, body)

    run_out = Script((), Ending.RUNS_OUT)
    monkeypatch.setattr(proctoring, "write_script", lambda *_: run_out)
    monkeypatch.setattr(Hall, "_of_attempt", of_attempt)


def does_not_release(hall: Hall, _: pytest.MonkeyPatch) -> None:
    async def refuse(request: web.Request) -> web.Response | None:
        return problem(409, "not-all-marked", "Some are open.") if request.path.endswith("/finalize") else None

    hall.faults.append(refuse)


def refuses_a_student(hall: Hall, _: pytest.MonkeyPatch) -> None:
    hall.fails_once("POST", "/attempts", lambda: problem(403, "not-eligible", "Not you."))


@pytest.mark.parametrize(
    ("breaks", "kind"),
    [
        (loses_an_answer, Kind.ANSWER_LOST),
        (keeps_the_older_revision, Kind.ANSWER_OLD),
        (marks_twice, Kind.MARKED_TWICE),
        (marks_nobody, Kind.NOT_MARKED),
        (is_generous, Kind.SCORE_DIFFERS),
        (shows_scores_early, Kind.RESULT_EARLY),
        (takes_late_saves, Kind.LATE_SAVE_TAKEN),
        (does_not_release, Kind.SURPRISE),
        (refuses_a_student, Kind.SURPRISE),
    ],
)
async def test_a_broken_promise_is_found_and_the_exit_status_is_1(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch, breaks: Break, kind: Kind
):
    breaks(rehearsal.hall, monkeypatch)
    assert await rehearsal.hold() == 1
    assert str(kind) in rehearsal.kinds
    assert str(kind) in rehearsal.said


def a_file_of(hall: Hall, folder: Path, count: int) -> Path:
    logins = [f"student-{number}" for number in range(count)]
    for login in logins:
        hall.account("student", login, "a-long-password")
    file = folder / "students.csv"
    file.write_text("login,password\n" + "".join(f"{login},a-long-password\n" for login in logins))
    return file


async def test_it_can_be_aimed_at_an_exam_and_students_that_exist_and_leaves_the_grades_alone(
    rehearsal: Rehearsal, tmp_path: Path
):
    exam = rehearsal.hall.exam(seconds=600, access_code="RIVER-7")
    students = a_file_of(rehearsal.hall, tmp_path, 5)
    assert await rehearsal.hold(exam=UUID(exam["id"]), students=students) == 0, rehearsal.said
    assert (rehearsal.told["attempts"], rehearsal.told["scores_as_expected"]) == (5, 5)
    assert "The exam is not the rehearsal's own" in rehearsal.said
    changes = {path.rpartition("/")[2] for method, path in rehearsal.hall.requests if method == "POST"}
    assert changes <= {"login", "attempts", "heartbeat", "submit"}


async def test_an_exam_whose_key_is_not_known_is_checked_without_it_and_that_is_said(
    rehearsal: Rehearsal, tmp_path: Path
):
    exam = rehearsal.hall.exam()
    exam["owner"] = "somebody else"
    students = a_file_of(rehearsal.hall, tmp_path, 3)
    assert await rehearsal.hold(exam=UUID(exam["id"]), students=students) == 0, rehearsal.said
    assert (rehearsal.told["scores_as_expected"], rehearsal.told["scores_not_known"]) == (0, 3)
    assert "Its key is not known here" in rehearsal.said


async def test_a_student_who_can_not_sign_in_is_a_finding_and_the_others_sit(rehearsal: Rehearsal, tmp_path: Path):
    exam = rehearsal.hall.exam()
    students = a_file_of(rehearsal.hall, tmp_path, 3)
    rehearsal.hall.accounts["student-1"]["password"] = "another-password"
    assert await rehearsal.hold(exam=UUID(exam["id"]), students=students) == 1
    (finding,) = rehearsal.told["findings"]
    assert (finding["kind"], finding["login"]) == (Kind.SURPRISE, "student-1")
    assert rehearsal.told["attempts"] == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "wrong"}, "can't log in: The log-in or the password is wrong."),
        ({"gateway": "http://127.0.0.1:1"}, "ClientConnectorError"),
        ({"exam": uuid4()}, "an exam that exists needs --students"),
    ],
)
async def test_what_can_not_begin_says_why_with_exit_status_2(rehearsal: Rehearsal, changes: dict[str, Any], said: str):
    assert await rehearsal.hold(**changes) == 2
    assert "The rehearsal could not be held" in rehearsal.said
    assert said in rehearsal.said
    assert not rehearsal.report.exists()


async def test_students_that_exist_do_not_sit_an_exam_that_is_made(rehearsal: Rehearsal, tmp_path: Path):
    assert await rehearsal.hold(students=a_file_of(rehearsal.hall, tmp_path, 3)) == 2
    assert "--students needs --exam" in rehearsal.said


async def test_what_was_sat_and_can_not_be_read_back_names_the_ledger(rehearsal: Rehearsal):
    async def refuse(request: web.Request) -> web.Response | None:
        was_sat = request.path.endswith("/grades") and rehearsal.hall.attempts
        return problem(500, "internal-error") if was_sat else None

    rehearsal.hall.faults.append(refuse)
    assert await rehearsal.hold() == 2
    ledger = Path(rehearsal.said.rpartition("the ledger is ")[2])
    assert len(account(read(ledger)).journeys) == 8


async def test_cheats_are_found_and_the_honest_are_not_accused(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        module, "SITTING_SECONDS", 16.0
    )  # with 8, a machine that stood still for a second left out acts at the end
    rehearsal.hall.finds = lambda _: []
    assert await rehearsal.hold(count=20) == 0, rehearsal.said
    told = rehearsal.proctoring
    found = {each["part"]: each for each in told["verdicts"]["planted"]}
    by = {part: found[part]["by"] for part in ("switches tabs", "pastes", "opens developer tools")}
    assert by == {
        "switches tabs": "violation_limit",
        "pastes": "paste_attempt",
        "opens developer tools": "devtools_open",
    }, [found[part]["why_not"] for part in by]
    assert all(0 < found[part]["seconds"] < module.SITTING_SECONDS for part in by)
    assert found["shares the log-in"]["why_not"] == "the two log-ins were not in use together for over 10 s"
    assert told["verdicts"]["accused_wrongly"] == []
    assert told["audit"]["batches_taken"] == told["audit"]["batches_found"] > 20
    assert (told["audit"]["attempts"], told["audit"]["ended_by_limit"]) == (20, 1)
    assert told["audit"]["alerts_told"] == told["audit"]["alerts_listed"] > 3
    assert told["audit"]["resumed"] > 0
    assert (told["audit"]["sockets"], told["audit"]["sockets_as_kept"], told["audit"]["limit_told"]) == (10, 10, 1)
    assert rehearsal.steps["report by socket"]["outcomes"]["broken off on purpose"] <= told["audit"]["sockets_dropped"]
    (more,) = [entry for entry in rehearsal.entries if isinstance(entry, Extended)]
    (heard,) = [each for each in rehearsal.entries if isinstance(each, Told) and each.message["type"] == "time_changed"]
    assert (heard.attempt_id, heard.message["added_seconds"]) == (more.attempt_id, more.seconds)
    assert "Accused wrongly, at high or critical severity: nobody" in rehearsal.said
    said = "Answers in common: 0 of 4 who copied are shown in a pair of their group, 0 pairs are shown wrongly."
    assert f"{said} Not enough yet." in rehearsal.said


def loses_signals(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    take = Desk.take

    def forget(self: Desk, attempt_id: str, *given: Any) -> int:
        number = take(self, attempt_id, *given)
        self.attempts[attempt_id].batches.pop()
        return number

    monkeypatch.setattr(Desk, "take", forget)


def counts_wrongly(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    unfolded = Desk.unfolded

    def more(self: Desk, attempt_id: str) -> dict[str, Any]:
        shown = unfolded(self, attempt_id)
        return {"assessment": shown["assessment"] | {"behaviour_score": 99}}

    monkeypatch.setattr(Desk, "unfolded", more)


def accuses_everybody(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Desk.begin

    def accuse(self: Desk, attempt_id: str, *given: Any) -> Any:
        alert = {"alert_id": f"risk of {attempt_id}", "attempt_id": attempt_id, "kind": "risk", "severity": "high"}
        self.alerts[alert["alert_id"]] = alert | {
            "revision": 2,
            "version": 1,
            "count": 1,
            "status": "open",
            "text": "!",
        }
        self.say("alert", alert=dict(self.alerts[alert["alert_id"]]))
        return begin(self, attempt_id, *given)

    monkeypatch.setattr(Desk, "begin", accuse)


def shows_a_pair_that_did_not_copy(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def pair(_: list[dict[str, Any]]) -> list[dict[str, Any]]:
        members = {"later": {"attempt_id": next(iter(hall.attempts))}, "earlier": {"attempt_id": "somebody's"}}
        return [members | {"log10_e_value": "4.1"}]

    hall.finds = pair


def tells_students_a_wrong_end(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    tell = Desk.tell

    def lie(self: Desk, attempt_id: str, type: str, **body: Any) -> None:
        tell(self, attempt_id, type, **(body | {"reason": "proctor"} if type == "submitted" else body))

    monkeypatch.setattr(Desk, "tell", lie)


def is_silent_on_the_socket(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proctor, "_CAUGHT_UP_WITHIN", 0.2)
    monkeypatch.setattr(Desk, "say", lambda self, type, **body: self.feed.append({"type": "quiz_status", "number": 0}))


@pytest.mark.parametrize(
    ("breaks", "kind"),
    [
        (loses_signals, Kind.SIGNALS_LOST),
        (counts_wrongly, Kind.ASSESSED_WRONGLY),
        (accuses_everybody, Kind.ACCUSED_WRONGLY),
        (shows_a_pair_that_did_not_copy, Kind.PAIRED_WRONGLY),
        (is_silent_on_the_socket, Kind.ALERT_NOT_TOLD),
        (tells_students_a_wrong_end, Kind.END_TOLD_WRONGLY),
    ],
)
async def test_a_promise_of_proctoring_that_is_broken_is_found(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch, breaks: Break, kind: Kind
):
    breaks(rehearsal.hall, monkeypatch)
    assert await rehearsal.hold() == 1, rehearsal.said
    assert str(kind) in rehearsal.kinds


async def test_an_exam_that_is_not_the_rehearsals_own_is_not_tampered_with(rehearsal: Rehearsal, tmp_path: Path):
    exam = rehearsal.hall.exam(seconds=600)
    students = a_file_of(rehearsal.hall, tmp_path, 5)
    assert await rehearsal.hold(exam=UUID(exam["id"]), students=students) == 0, rehearsal.said
    assert not [path for _, path in rehearsal.hall.requests if "proctoring" in path]


async def test_proctoring_that_does_not_hear_of_the_exam_is_said_before_anybody_sits(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
):
    async def deaf(request: web.Request) -> web.Response | None:
        return problem(404, "not-found") if "/proctoring/" in request.path else None

    monkeypatch.setattr(invigilation, "_WATCHED_WITHIN", 0.2)
    rehearsal.hall.faults.append(deaf)
    assert await rehearsal.hold() == 2
    assert "proctoring does not know the exam" in rehearsal.said
