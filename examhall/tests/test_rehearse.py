"""`examhall rehearse` hands on what was typed, and its exit status is the audit's."""

from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from examhall.demo.content import ADMIN, DEMO_PASSWORD
from examhall.main import app
from examhall.rehearsing import QUICK_COUNT, QUICK_PACE, RehearsalOptions
from examhall.running import Record, only_one

EXAM = UUID("01a1fd26-addb-75f5-992e-34bfe33a59f3")


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[RehearsalOptions]:
    """What the rehearsal was called with; it finds one difference when it aims at an exam that exists."""
    calls: list[RehearsalOptions] = []

    async def rehearse(options: RehearsalOptions) -> int:
        calls.append(options)
        return 1 if options.exam else 0

    monkeypatch.setattr("examhall.rehearsal.rehearse", rehearse)
    monkeypatch.setenv("EXAMHALL_DATA", str(tmp_path / "data"))
    return calls


def test_without_options_200_students_rehearse_with_the_demonstrations_log_in(rehearsed: list[RehearsalOptions]):
    assert CliRunner().invoke(app, ["rehearse"]).exit_code == 0
    assert rehearsed == [
        RehearsalOptions(
            gateway="http://localhost:8080",
            exam=None,
            students=None,
            count=200,
            questions=72,
            pace=1.0,
            seed=1,
            report=None,
            login=ADMIN.email,
            password=DEMO_PASSWORD,
        )
    ]


def test_it_aims_at_what_runs_here(rehearsed: list[RehearsalOptions], tmp_path: Path):
    with only_one(tmp_path / "data"):
        Record(1, 9000, "http://localhost:9000", 0.0).write(tmp_path / "data")
        CliRunner().invoke(app, ["rehearse", "--quick"])
    assert rehearsed[0].gateway == "http://localhost:9000"
    assert (rehearsed[0].count, rehearsed[0].pace) == (QUICK_COUNT, QUICK_PACE)


def test_any_deployment_exam_and_students_can_be_named_and_a_difference_is_exit_status_1(
    rehearsed: list[RehearsalOptions], tmp_path: Path
):
    students = tmp_path / "students.csv"
    students.write_text("login,password\n")
    typed = ["--gateway", "https://exams.example", "--exam", str(EXAM), "--students", str(students)]
    typed += ["--login", "me@exams.example", "--json", str(tmp_path / "result.json"), "--seed", "7", "--count", "50"]
    typed += ["--questions", "80"]
    result = CliRunner().invoke(app, ["rehearse", *typed], env={"REHEARSAL_PASSWORD": "mine"})
    assert result.exit_code == 1
    assert rehearsed == [
        RehearsalOptions(
            gateway="https://exams.example",
            exam=EXAM,
            students=students,
            count=50,
            questions=80,
            pace=1.0,
            seed=7,
            report=tmp_path / "result.json",
            login="me@exams.example",
            password="mine",
        )
    ]


def test_a_file_of_students_that_is_not_there_is_said_before_anything_runs(rehearsed: list[RehearsalOptions]):
    result = CliRunner().invoke(app, ["rehearse", "--students", "/nowhere.csv"])
    assert result.exit_code == 2
    assert rehearsed == []
