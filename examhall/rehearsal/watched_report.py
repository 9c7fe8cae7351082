"""What came of the proctoring in a rehearsal, for people: who was planted as what, who was found, how soon, and who was accused wrongly."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from examhall.rehearsal.conduct import Part
from examhall.rehearsal.gateway import percentile
from examhall.rehearsal.proctoring import Watched
from examhall.rehearsal.verdicts import Verdict, Verdicts


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
    for each in (each for each in found.planted if not each.is_honest):
        table.add_row(each.part, each.login.rpartition("-")[2], _how(each), _seconds([each]))
    honest = sorted((each for each in found.planted if each.is_honest), key=_kind)
    for (part, how), group in groupby(honest, key=_kind):
        alike = list(group)
        table.add_row(part, f"× {len(alike)}", how, _seconds(alike))
    return table


def _how(verdict: Verdict) -> str:
    return verdict.by or f"not found: {verdict.why_not}"


def _kind(verdict: Verdict) -> tuple[str, str]:
    return verdict.part, _how(verdict)


def _seconds(verdicts: Sequence[Verdict]) -> str:
    """The median, of those that have one."""
    waits = sorted(each.seconds for each in verdicts if each.seconds is not None)
    return f"{percentile(waits, 0.5):.2f}" if waits else ""


def _show_pairs(console: Console, found: Verdicts) -> None:
    copiers = [each for each in found.planted if each.part in (Part.COPIER, Part.RING)]
    wrong = [each for each in found.pairs if each.is_flagged and not each.is_planted]
    console.print(
        f"Answers in common: {sum(each.is_found for each in copiers)} of {len(copiers)} who copied are shown in a pair of their group,"
        f" {len(wrong)} pairs are shown wrongly. {found.collusion}",
        markup=False,
    )
    for each in wrong:
        console.print(f"  shown wrongly: {' and '.join(each.logins)}", markup=False)
