"""Practice before the exam, of those whose place somebody else will take: without own earlier attempts nobody can be told from another."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from chassis.ids import new_id
from examhall.rehearsal.browser import Page, batch, style_of
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.sitting import Sitting
from examhall.rehearsal.staff import Staff

ATTEMPTS = 5  # that make a baseline one's own
_KNOWN_WITHIN = 30.0
_LOOK_SECONDS = 0.3
_TYPED = "All rivers run into the sea, and yet the sea is not full. " * 3
_QUESTION = {"type": "true_false", "text": "Rivers run into the sea.", "points": "1", "correct_truth": True}


async def practise(
    staff: Staff, gateway: Gateway, sittings: Sequence[Sitting], class_id: str, title: str
) -> str | None:
    """Lets these students sit a practice exam of their own often enough, and waits until what is usual for them is known; gives the exam's id."""
    if not sittings:
        return None
    exam_id = await _make_exam(staff, class_id, title)
    await asyncio.gather(*(_sit_often(gateway, sitting, exam_id) for sitting in sittings))
    give_up_at = time.monotonic() + _KNOWN_WITHIN
    for sitting in sittings:
        await _wait_for_baseline(staff, sitting.student_id, give_up_at)
    return exam_id


async def _make_exam(staff: Staff, class_id: str, title: str) -> str:
    settings = {"duration_seconds": 3600, "proctoring": True}
    body = {"title": f"{title}, practice", "subject": "Rehearsal", "kind": "practice", "settings": settings}
    exam_id = str((await staff.done("POST", "/exams", body))["id"])
    await staff.done("POST", f"/exams/{exam_id}/questions", {"question": _QUESTION})
    schedule = {"max_attempts": ATTEMPTS, "audience": {"class_ids": [class_id]}}
    await staff.done("PUT", f"/exams/{exam_id}/schedule", schedule)
    await staff.done("POST", f"/exams/{exam_id}/publish")
    return exam_id


async def _sit_often(gateway: Gateway, sitting: Sitting, exam_id: str) -> None:
    style = style_of(sitting.login)
    for number in range(ATTEMPTS):

        async def post(path: str, body: Any = None) -> Any:
            return await gateway.done("practise", "POST", path, token=sitting.token, body=body)

        attempt = await post("/attempts", {"exam_id": exam_id})
        now = datetime.now(UTC)
        page = Page(style, Random(f"{sitting.login}/practice/{number}"), now - timedelta(seconds=50))
        page.type(_TYPED)
        page.sum_up(now)
        await post(f"/proctoring/attempts/{attempt['id']}/signals", batch(new_id(), page.take(), now))
        await post(f"/attempts/{attempt['id']}/submit")


async def _wait_for_baseline(staff: Staff, student_id: str, give_up_at: float) -> None:
    """Gives up quietly: the verdict says that there was too little practice."""
    while True:
        reply = await staff.read(f"/proctoring/students/{student_id}/baseline")
        is_known = reply.is_success and len(reply.body["samples"]) >= ATTEMPTS
        if is_known or time.monotonic() > give_up_at:
            return
        await asyncio.sleep(_LOOK_SECONDS)
