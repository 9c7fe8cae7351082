"""What is printed of the proctoring: readable on a narrow screen, each cheat by itself, the honest together."""

import io
from typing import Any

from rich.console import Console

from examhall.rehearsal.conduct import Part
from examhall.rehearsal.proctoring import Watched
from examhall.rehearsal.verdicts import PairVerdict, Verdict, Verdicts
from examhall.rehearsal.watch_audit import WatchAudit
from examhall.rehearsal.watched_report import show_watched

WIDTH = 100
AUDIT = WatchAudit(
    attempts=200,
    batches_taken=1765,
    batches_found=1765,
    alerts_listed=255,
    alerts_told=255,
    assessments_as_recounted=198,
    ended_by_limit=2,
    limit_told=1,
    resumed=6,
    sockets=100,
    sockets_as_kept=99,
    sockets_dropped=209,
    findings=(),
)


def login(number: int) -> str:
    return f"REHEARSAL-2026-11-21-145653-{number:04d}"


def printed(*planted: Verdict, pairs: tuple[PairVerdict, ...] = ()) -> str:
    found = Verdicts(
        planted=planted,
        pairs=pairs,
        collusion="At the close of the exam 19900 pairs of 200 candidates were compared on 57 of 57 questions; 3 are flagged.",
        honest=180,
        honest_alerts={"rapid_answers, medium": 180},
        accused_wrongly=(),
        seconds_p50=0.4,
        seconds_p99=1.2,
    )
    console = Console(file=io.StringIO(), width=WIDTH)
    show_watched(console, Watched(AUDIT, found))
    said: str = console.file.getvalue()  # type: ignore[attr-defined]
    return said


def verdict(number: int, part: Part, by: str = "", **more: Any) -> Verdict:
    return Verdict(login(number), part, f"a{number}", bool(by), by, **more)


def test_every_line_fits_on_a_screen_of_a_hundred_columns_and_every_cheat_is_one_line():
    said = printed(
        verdict(1, Part.IMPOSTOR, "assessment (typing, mouse, second opinion), level medium"),
        verdict(2, Part.COPIER, why_not="too little in 57 questions of 200 students"),
        verdict(3, Part.FOREKNOWER, why_not="everybody takes 0.7 s a question here"),
        verdict(4, Part.TAB_SWITCHER, "violation_limit", seconds=0.41),
        *(verdict(number, Part.ROAMING, "ip_change", seconds=0.5) for number in range(100, 115)),
    )
    assert max(map(len, said.splitlines())) <= WIDTH
    rows = [line.split() for line in said.splitlines()]
    assert "switches tabs 0004 violation_limit 0.41".split() in rows
    for number in (1, 2, 3, 4):
        assert sum(f"{number:04d}" in row for row in rows) == 1


def test_honest_students_are_summed_up_by_what_was_made_of_them():
    movers = [verdict(number, Part.ROAMING, "ip_change", seconds=float(number)) for number in (1, 2, 3)]
    stayed = verdict(4, Part.ROAMING, why_not="there is no other network to go to")
    rows = [line.split() for line in printed(*movers, stayed).splitlines()]
    assert "honest, changes network × 3 ip_change 2.00".split() in rows
    assert "honest, changes network × 1 not found: there is no other network to go to".split() in rows


def test_who_copied_is_counted_by_student_and_a_wrong_pair_is_named():
    said = printed(
        verdict(1, Part.COPIER, "collusion"),
        verdict(2, Part.RING, why_not="the answers were not analysed"),
        pairs=(PairVerdict(("ana", "ben"), is_planted=False, is_flagged=True),),
    )
    assert "1 of 2 who copied are shown in a pair of their group, 1 pairs are shown wrongly." in " ".join(said.split())
    assert "shown wrongly: ana and ben" in said


def test_what_students_were_told_on_their_sockets_is_said_as_it_was_checked():
    said = printed()
    assert "99 of 100 students with a socket were told on it what is kept for them, once and in order" in said
    assert "2 attempts ended by the violation limit; 1 of these students had a socket and were told why" in said
