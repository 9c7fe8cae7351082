"""What staff read of proctoring after a rehearsal: board, alerts, assessments, stored signals, answers in common."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from examhall.rehearsal.gateway import Refusal
from examhall.rehearsal.holdings import (
    Assessed,
    Collusion,
    FlaggedPair,
    HeldAlert,
    HeldBatch,
    Holdings,
    Json,
    WatchedAttempt,
)
from examhall.rehearsal.staff import NotPossible, Staff, side_by_side

_WATCHED_WITHIN = 30.0  # a publication has reached proctoring
_SETTLED_WITHIN = 90.0  # whatever was sent has been assessed: a broker that was away comes back
_ANALYSED_WITHIN = 30.0
_LOOK_SECONDS = 0.5
_PATH = "/proctoring"


async def wait_until_watched(staff: Staff, exam_id: str) -> None:
    """Waits until proctoring knows of the exam. Raises NotPossible."""
    give_up_at = time.monotonic() + _WATCHED_WITHIN
    while time.monotonic() < give_up_at:
        reply = await staff.read(f"{_PATH}/exams/{exam_id}/board")
        if reply.is_success:
            return
        await asyncio.sleep(_LOOK_SECONDS)
    raise NotPossible(f"proctoring does not know the exam {_WATCHED_WITHIN:.0f} s after its publication")


async def holdings(staff: Staff, exam_id: str, rules: Json, attempt_ids: Sequence[str]) -> Holdings:
    """Everything there is of these attempts."""
    collusion = await _analysed(staff, exam_id)
    rows = (await staff.done("GET", f"{_PATH}/exams/{exam_id}/board"))["attempts"]
    wanted = [row for row in rows if row["attempt_id"] in set(attempt_ids)]

    async def read(row: Json) -> WatchedAttempt:
        attempt_id = row["attempt_id"]
        unfolded = await staff.done("GET", f"{_PATH}/attempts/{attempt_id}")
        signals = await staff.every(f"{_PATH}/attempts/{attempt_id}/signals", {})
        return _attempt(row, unfolded, signals)

    attempts = await side_by_side(wanted, read)
    alerts = await staff.every(f"{_PATH}/exams/{exam_id}/alerts", {})
    return Holdings(rules, tuple(attempts), tuple(map(_alert, alerts)), collusion)


async def wait_until_still(staff: Staff, exam_id: str, attempt_ids: set[str]) -> int:
    """Waits until every attempt is over and assessed as such, and the feed has stood still for a moment; gives up quietly.

    Gives the number of the feed's last event.
    """
    give_up_at = time.monotonic() + _SETTLED_WITHIN
    before = -1
    while time.monotonic() < give_up_at:
        board = await staff.done("GET", f"{_PATH}/exams/{exam_id}/board")
        rows = [row for row in board["attempts"] if row["attempt_id"] in attempt_ids]
        is_over = len(rows) == len(attempt_ids) and all(
            row["status"] == "submitted" and row.get("integrity_score", "") is not None for row in rows
        )
        if is_over and board["cursor"] == before:
            break
        before = int(board["cursor"])
        await asyncio.sleep(4 * _LOOK_SECONDS)
    return before


async def _analysed(staff: Staff, exam_id: str) -> Collusion:
    """The answers in common, analysed now: a refusal says that there is nothing to analyse."""
    try:
        asked = await staff.done("POST", f"{_PATH}/exams/{exam_id}/collusion")
    except Refusal as error:
        return Collusion(progress={"text": f"not analysed: {error}"})
    give_up_at = time.monotonic() + _ANALYSED_WITHIN
    found: Mapping[str, Any] = {}
    while time.monotonic() < give_up_at:
        found = await staff.done("GET", f"{_PATH}/exams/{exam_id}/collusion")
        if asked["request_id"] in found["progress"]["request_ids"]:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    pairs = tuple(
        FlaggedPair(pair["later"]["attempt_id"], pair["earlier"]["attempt_id"], Decimal(str(pair["log10_e_value"])))
        for pair in found["pairs"]
    )
    return Collusion(pairs, found["progress"])


def _attempt(row: Json, unfolded: Json, signals: Sequence[Json]) -> WatchedAttempt:
    shown = unfolded["assessment"]
    return WatchedAttempt(
        attempt_id=row["attempt_id"],
        student_id=row["student_id"],
        status=row["status"],
        submit_reason=row["submit_reason"],
        started_at=datetime.fromisoformat(row["started_at"]),
        submitted_at=datetime.fromisoformat(row["submitted_at"]) if row["submitted_at"] else None,
        question_count=row["question_count"],
        batches=tuple(_batches(signals)),
        assessed=None if shown is None else _assessed(shown),
        room=row["room"],
    )


def _assessed(shown: Json) -> Assessed:
    return Assessed(
        level=shown["level"],
        behaviour_score=shown["behaviour_score"],
        risk_score=Decimal(shown["risk_score"]),
        violations=shown["violations"],
        reasons={each["rule"]: each["points"] for each in shown["reasons"]},
        components={each["name"]: each for each in shown["components"]},
        baseline_version=shown["baseline_version"],
        second_opinion=shown["second_opinion"],
    )


def _batches(signals: Sequence[Json]) -> list[HeldBatch]:
    """Signals as they are listed, put together again; a reference names batch and place."""

    def place(signal: Json) -> tuple[int, int]:
        number, _, index = signal["reference"].partition(".")
        return int(number), int(index)

    batches = []
    for number, group in groupby(sorted(signals, key=place), key=lambda signal: place(signal)[0]):
        members = list(group)
        first = members[0]
        batches.append(
            HeldBatch(
                number,
                datetime.fromisoformat(first["received_at"]),
                first["session_id"],
                first["network"],
                tuple(
                    {"kind": each["kind"], "at": each["at"], "question_id": each["question_id"], **each["carries"]}
                    for each in members
                ),
            )
        )
    return batches


def _alert(shown: Json) -> HeldAlert:
    return HeldAlert(**{name: shown[name] for name in HeldAlert.__dataclass_fields__})
