"""A terminal sees a live table, everything else plain lines; the supervisor's log can be read by machines."""

import io
import json
from pathlib import Path

from rich.console import Console

from examhall.children import State
from examhall.journal import LARGEST_BYTES, Journal, turn_over
from examhall.screen import LogIn, Screen


def test_where_there_is_no_terminal_each_step_is_a_plain_line():
    console = Console(file=io.StringIO(), width=100)
    with Screen(console, ["redis", "gateway"]) as screen:
        screen.doing("Starting the servers")
        screen.changed("redis", State.STARTING, "", Path("redis.log"))
        screen.changed("redis", State.READY, "", Path("redis.log"))
    lines = [line.split(" s  ")[1] for line in _text(console).splitlines()]
    assert lines == ["Starting the servers", "redis is ready"]


def test_a_terminal_sees_what_each_part_is_doing():
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with Screen(console, ["redis", "gateway"]) as screen:
        screen.doing("Starting the servers")
        screen.changed("redis", State.READY, "", Path("redis.log"))
    shown = _text(console)
    assert all(words in shown for words in ("Starting the servers", "redis", "ready", "gateway", "waiting"))


def test_a_death_is_said_with_its_log_and_so_is_the_return():
    console = Console(file=io.StringIO(), width=20)
    with Screen(console, ["attempts"]) as screen:
        screen.welcome("http://localhost:8080", [], "", {})
        screen.changed("attempts", State.DIED, "killed by SIGKILL", Path("/data/logs/attempts.log"))
        screen.changed("attempts", State.READY, "", Path("/data/logs/attempts.log"))
        screen.changed("attempts", State.READY, "", Path("/data/logs/attempts.log"))
    assert [line.split(" s  ")[1] for line in _text(console).splitlines()[-3:]] == [
        "attempts died (killed by SIGKILL); starting it again. Its log: /data/logs/attempts.log",
        "attempts is ready again",
        "attempts is ready",
    ]


def test_the_welcome_shows_log_ins_only_where_there_are_some():
    with_demo, without = (Console(file=io.StringIO(), width=100) for _ in range(2))
    Screen(with_demo, []).welcome("http://localhost:8080", [LogIn("student", "HBR-26-0001")], "secret", {"hint": "do"})
    Screen(without, []).welcome("http://localhost:8080", [], "secret", {"hint": "do"})
    assert "HBR-26-0001" in _text(with_demo)
    assert "secret" in _text(with_demo)
    assert "secret" not in _text(without)
    assert all(
        "http://localhost:8080" in _text(console) and "hint" in _text(console) for console in (with_demo, without)
    )


def test_the_journal_has_one_object_a_line_with_its_time(tmp_path: Path):
    journal = Journal(tmp_path / "logs" / "up.log")
    journal.write("part_changed", part="redis", state=State.DIED)
    journal.write("stopped")
    lines = [json.loads(line) for line in (tmp_path / "logs" / "up.log").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["part_changed", "stopped"]
    assert (lines[0]["part"], lines[0]["state"]) == ("redis", "died")
    assert all(line["timestamp"].endswith("+00:00") for line in lines)


def test_a_log_that_has_grown_large_is_put_aside_and_the_others_stay(tmp_path: Path):
    (tmp_path / "exams.log").write_bytes(b"x" * (LARGEST_BYTES + 1))
    (tmp_path / "redis.log").write_text("small")
    turn_over(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"exams.log.1", "redis.log"}


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
