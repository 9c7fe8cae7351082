"""A board as JSON, by the clock of the moment."""

from datetime import datetime
from uuid import UUID

import msgspec

from services.proctoring.board import SUBMITTED, Reading
from services.proctoring.long_lists import with_rows
from services.proctoring.tables import LEVELS
from services.proctoring.views import board_row


async def board_reply(exam_id: UUID, title: str, reading: Reading, at: datetime) -> bytes:
    """A BoardOut, by the clock `at`."""
    totals = reading.totals
    head = {
        "exam_id": exam_id,
        "title": title,
        "server_time": at,
        "cursor": reading.cursor,
        "next_after": reading.next_after,
        "totals": {
            "attempts": totals.attempts,
            "in_progress": totals.by_status.get("in_progress", 0),
            "paused": totals.by_status.get("paused", 0),
            "submitted": totals.by_status.get(SUBMITTED, 0),
            "levels": totals.levels,
            "open_alerts": {level: totals.open_alerts.get(level, 0) for level in LEVELS},
            "over_the_limit": totals.over_limit,
            "to_review": totals.to_review,
            "invalidated": totals.invalidated,
        },
    }
    board = reading.board
    return await with_rows(
        msgspec.json.encode(head), "attempts", board.standings, lambda row: board_row(row, board, at)
    )
