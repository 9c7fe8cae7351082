"""What came of the proctoring in a rehearsal, for people: who was planted as what, who was found, how soon, and who was accused wrongly."""

from rich.console import Console
from rich.table import Table

from examhall.rehearsal.proctoring import Watched
from examhall.rehearsal.verdicts import Verdicts


def show_watched(console: Console, watched: Watched) -> None:
    """Prints it."""
    audit, found = watched.audit, watched.verdicts
    console.print(
        f"  {audit.batches_found} of {audit.batches_taken} acknowledged batches of signals stored once, as they were sent\n"
        f"  {audit.assessments_as_recounted} of {audit.attempts} assessments as recounted from what was sent\n"
        f"  {audit.alerts_told} alerts told on the proctor's socket, which was lost {audit.resumed} times; {audit.alerts_listed} in the list\n"
        f"  {audit.sockets_as_kept} of {audit.sockets} students with a socket were told on it what is kept for them, once and in order;\n"
        f"    their connections were lost {audit.sockets_dropped} times\n"
        f"  {audit.ended_by_limit} attempts ended by the violation limit; {audit.limit_told} of these students had a socket and were told why"
    )
    console.print("\nWho was planted, and found (students by the end of their log-in)")
    console.print(_table(found), markup=False)
    if found.seconds_p50 is not None and found.seconds_p99 is not None:
        console.print(
            f"From the deciding act to the proctor's socket: p50 {found.seconds_p50:.2f} s, p99 {found.seconds_p99:.2f} s"
        )
    _show_pairs(console, found)
    alerts = ", ".join(f"{count} × {name}" for name, count in found.honest_alerts.items()) or "none"
    console.print(f"Alerts of the {found.honest} honest: {alerts}", markup=False)
    accused = ", ".join(found.accused_wrongly) or "nobody"
    console.print(f"Accused wrongly, at high or critical severity: {accused}", markup=False)


def _table(found: Verdicts) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("part", "student", "found by"):
        table.add_column(title)
    table.add_column("after s", justify="right")
    for each in found.planted:
        seconds = "" if each.seconds is None else f"{each.seconds:.2f}"
        table.add_row(each.part, each.login.rpartition("-")[2], each.by or f"not found: {each.why_not}", seconds)
    return table


def _show_pairs(console: Console, found: Verdicts) -> None:
    right = [each for each in found.pairs if each.is_planted and each.is_flagged]
    missed = [each for each in found.pairs if each.is_planted and not each.is_flagged]
    wrong = [each for each in found.pairs if each.is_flagged and not each.is_planted]
    console.print(
        f"Answers in common: {len(right)} pairs found, {len(missed)} missed, {len(wrong)} wrong. {found.collusion}",
        markup=False,
    )
    for each in wrong:
        console.print(f"  shown wrongly: {' and '.join(each.logins)}", markup=False)
