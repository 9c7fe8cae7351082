"""One installation a folder, and others can see which."""

import subprocess
import sys
from pathlib import Path

import pytest

from examhall.running import PartRecord, Record, RunsAlready, only_one, running

RECORD = Record(
    pid=4711,
    gateway_port=8080,
    address="http://localhost:8080",
    started_at=1_700_000_000.0,
    named={"postgres": "postgresql://db.example"},
    parts={"redis": PartRecord("ready", 4712, 20_001, 0, 1_700_000_001.0)},
)


def test_nothing_runs_on_a_folder_that_nobody_holds(tmp_path: Path):
    assert running(tmp_path / "never") is None
    with only_one(tmp_path):
        RECORD.write(tmp_path)
        assert running(tmp_path) == RECORD
    assert running(tmp_path) is None


def test_a_second_one_is_refused_and_told_of_the_first(tmp_path: Path):
    with only_one(tmp_path):
        RECORD.write(tmp_path)
        with pytest.raises(RunsAlready) as refused, only_one(tmp_path):
            pytest.fail("two at once")
    assert refused.value.record == RECORD


def test_what_a_killed_holder_left_stands_in_nobodys_way(tmp_path: Path):
    hold = "import os, sys; from pathlib import Path; from examhall.running import only_one\n"
    hold += "with only_one(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    RECORD.write(tmp_path)
    assert running(tmp_path) == RECORD
    holder.kill()
    holder.communicate()
    assert running(tmp_path) is None
    with only_one(tmp_path):
        assert running(tmp_path) is None, "the record of the dead one is not taken for that of the next"


def test_the_record_is_for_the_owners_eyes_since_an_address_may_hold_a_password(tmp_path: Path):
    RECORD.write(tmp_path)
    assert (tmp_path / "running.json").stat().st_mode & 0o777 == 0o600
