"""What `examhall rehearse` is told."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

QUICK_COUNT, QUICK_PACE = 20, 8.0
# Enough for 200 students' copying to show: see examhall/rehearsal/paper.py. Fewer than the demonstration's exam has are not asked.
QUESTIONS, FEWEST_QUESTIONS, MOST_QUESTIONS = 72, 34, 500


@dataclass(frozen=True)
class RehearsalOptions:
    """A dress rehearsal: against which gateway, which exam (none: one made for it), by whom, how many, and how fast.

    `students` is a CSV file of log-ins and passwords; without it students are made. `questions` is how long the exam is that is made. `pace` divides all
    times to think: 2 is twice as fast.
    `seed` decides what everybody does. `report` is where the result goes as JSON. `login` and `password` are of the staff member who
    makes the exam and reads the answers back.
    """

    gateway: str
    exam: UUID | None
    students: Path | None
    count: int
    questions: int
    pace: float
    seed: int
    report: Path | None
    login: str
    password: str
