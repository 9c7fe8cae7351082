"""The result of a rehearsal, for people and for programs."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from examhall.rehearsal.audit import Audit
from examhall.rehearsal.gateway import TRY_AGAIN, Measured, percentile
from examhall.rehearsal.proctoring import Watched
from examhall.rehearsal.table import latencies
from examhall.rehearsal.watched_report import show_watched

_FINDINGS_SHOWN = 20


def show(
    console: Console, audit: Audit, steps: Mapping[str, Measured], ledger: Path, watched: Watched | None = None
) -> None:
    """Prints latencies, errors, who was found where students were watched, and the audit."""
    console.print(latencies(steps))
    for name, measured in steps.items():
        odd = [outcome for outcome in sorted(measured.outcomes) if not _is_ordinary(outcome)]
        for outcomes, what in (
            ([each for each in odd if _is_repeated(each)], ", tried again"),
            ([each for each in odd if not _is_repeated(each)], ""),
        ):
            if outcomes:
                counts = ", ".join(f"{measured.outcomes[outcome]} × {outcome}" for outcome in outcomes)
                console.print(f"{name}: {counts}{what}")
    console.print(
        f"\nAudit of {audit.attempts} attempts\n"
        f"  {audit.answers_found} of {audit.answers_acknowledged} acknowledged answers found with their latest revision\n"
        f"  {audit.marked_once} of {audit.attempts} attempts marked exactly once\n"
        f"  {audit.scores_as_expected} scores as worked out from the key"
        + (f", {audit.scores_not_known} can't be worked out here" if audit.scores_not_known else "")
        + f"\n  {audit.late_saves_refused} saves after the deadline refused"
    )
    if watched:
        show_watched(console, watched)
    if audit.is_clean:
        console.print("\nEverything is as it was promised.")
        return
    console.print(f"\n{len(audit.findings)} differences:" if audit.findings else "\nThere was nothing to audit.")
    for kind, count in Counter(finding.kind for finding in audit.findings).most_common():
        console.print(f"  {count} × {kind}")
    for finding in audit.findings[:_FINDINGS_SHOWN]:
        where = " ".join(part for part in (finding.login, finding.attempt_id, finding.question_id) if part)
        console.print(f"  {finding.kind}: {finding.detail}", markup=False)
        if where:
            console.print(f"    {where}", markup=False, soft_wrap=True)
    console.print(f"What was sent and promised is in {ledger}.")


def as_json(audit: Audit, steps: Mapping[str, Measured], watched: Watched | None = None) -> bytes:
    """The same for programs; latencies in milliseconds."""
    told: dict[str, Any] = {"audit": audit, "steps": {name: _step(each) for name, each in steps.items()}}
    if watched:
        counts = {name: value for name, value in msgspec.to_builtins(watched.audit).items() if name != "findings"}
        told["proctoring"] = {"audit": counts, "verdicts": watched.verdicts}
    return msgspec.json.format(msgspec.json.encode(told))


def _step(measured: Measured) -> dict[str, Any]:
    values = sorted(measured.seconds)
    marks = {f"p{share}": round(percentile(values, share / 100) * 1000, 2) for share in (50, 95, 99)} if values else {}
    return {"requests": len(values), "errors": measured.errors, "outcomes": dict(measured.outcomes), **marks}


def _is_ordinary(outcome: str) -> bool:
    """A reply that is no failure: success, or the refusal of what was meant to be refused."""
    return outcome.isdigit() and int(outcome) < 429


def _is_repeated(outcome: str) -> bool:
    return not outcome.isdigit() or int(outcome) in TRY_AGAIN
