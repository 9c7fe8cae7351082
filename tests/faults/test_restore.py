"""The rehearsed restore: a backup in the middle of a sitting, more work, a disaster, and everything of the backup's instant is back and goes on."""

import shutil
from pathlib import Path

import pytest

from examhall.tests.machine import examhall, wait_for
from tests.faults.agreement import disagreements, rows, saved_revisions
from tests.faults.hall import NO_DEAD_LETTERS, hall, must_have_kept_every_promise, rehearsal

pytestmark = pytest.mark.faults

STUDENTS = 40
MORE_STUDENTS = 10
_AGREE_SECONDS = 120.0


def test_what_a_backup_holds_is_back_after_a_disaster_and_goes_on_without_doubles(folder: Path):
    place = folder / "elsewhere"
    with hall(folder) as up:
        with rehearsal(up, STUDENTS, pace=2.0) as sitting:
            sitting.wait_for_saves(100)
            before = saved_revisions(up)
            made = examhall("backup", "--in", str(place), EXAMHALL_DATA=str(up.folder))
            assert made.returncode == 0, made.stderr
            after = saved_revisions(up)
            sitting.must_end_clean()
        with rehearsal(up, MORE_STUDENTS, pace=8.0) as more_work:
            more_work.must_end_clean()
        port = up.port
        assert saved_revisions(up) > after
    key = shutil.copy(folder / "data" / "backup.key", folder / "kept.key")
    shutil.rmtree(folder / "data")

    [name] = [line.split()[0] for line in examhall("backups", "--in", str(place)).stdout.splitlines()]
    restored = examhall("restore", name, "--in", str(place), "--key", str(key), EXAMHALL_DATA=str(folder / "data"))
    assert restored.returncode == 0, restored.stderr

    with hall(folder, port=port) as up:
        assert before <= saved_revisions(up) <= after, "answers of another instant than the backup's"
        wait_for(lambda: not disagreements(up), _AGREE_SECONDS)
        assert examhall("dead-letters", "list", EXAMHALL_DATA=str(up.folder)).stdout.strip() == NO_DEAD_LETTERS
        doubles = rows(
            up, "grading", "SELECT attempt_id, question_id FROM question_marks GROUP BY 1, 2 HAVING count(*) > 1"
        )
        assert doubles == []
        with rehearsal(up, STUDENTS, pace=4.0) as again:
            must_have_kept_every_promise(up, again)
