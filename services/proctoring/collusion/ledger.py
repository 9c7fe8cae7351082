"""All facts of one exam together: what events added, which rows that changes, and a picture of them for whoever computes in another thread."""

from collections.abc import Iterable, Mapping
from typing import Self

from services.proctoring.collusion.facts import (
    Agenda,
    Candidate,
    Request,
    Save,
    Seated,
    SeatPlan,
    WatchedExam,
    decoded_agenda,
    decoded_candidate,
    encoded_agenda,
    encoded_candidate,
)

AGENDA_ROW = ""
_NOBODY = Candidate()


class Ledger:
    """The exam's agenda, and its candidates by attempt. Rows of candidates are decoded when they are first looked at."""

    def __init__(self) -> None:
        self.agenda = Agenda()
        self._candidates: dict[str, Candidate | bytes] = {}

    @classmethod
    def restored(cls, rows: Mapping[str, bytes]) -> Self:
        """From the stored rows."""
        ledger = cls()
        ledger._candidates = dict(rows)
        agenda = ledger._candidates.pop(AGENDA_ROW, None)
        if isinstance(agenda, bytes):
            ledger.agenda = decoded_agenda(agenda)
        return ledger

    def __len__(self) -> int:
        return len(self._candidates)

    def plan(self, exam: WatchedExam) -> dict[str, bytes]:
        """The exam as it is now; the row if that is news."""
        return self._with_agenda(self.agenda.with_exam(exam))

    def plan_seats(self, seats: SeatPlan) -> dict[str, bytes]:
        """The seating plan as it is now; the row if that is news."""
        return self._with_agenda(self.agenda.with_seats(seats))

    def request(self, request: Request) -> dict[str, bytes]:
        """An analysis is wanted; the row if that is news."""
        return self._with_agenda(self.agenda.with_request(request))

    def seat(self, attempt_id: str, student_id: str, seat: Seated) -> dict[str, bytes]:
        """A candidate's seat; the row if that is news."""
        return self._with(attempt_id, self.candidate(attempt_id).with_seat(student_id, seat))

    def save(
        self, attempt_id: str, student_id: str, saves: Iterable[tuple[bytes, Save]]
    ) -> tuple[dict[str, bytes], list[tuple[bytes, Save]]]:
        """A candidate's saves; the row if there is news, and those that are."""
        candidate, news = self.candidate(attempt_id), []
        for question, save in saves:
            known, candidate = candidate, candidate.with_save(student_id, question, save)
            if candidate is not known:
                news.append((question, save))
        return self._with(attempt_id, candidate), news

    def candidate(self, attempt_id: str) -> Candidate:
        """What is known of an attempt."""
        known = self._candidates.get(attempt_id, _NOBODY)
        return decoded_candidate(known) if isinstance(known, bytes) else known

    def picture(self) -> dict[str, Candidate | bytes]:
        """All candidates as they are, cheaply: for `decoded`."""
        return dict(self._candidates)

    def learn(self, candidates: Mapping[str, Candidate], picture: Mapping[str, Candidate | bytes]) -> None:
        """Keeps what `decoded` made of a picture, where nothing has changed since."""
        for attempt_id, row in picture.items():
            if isinstance(row, bytes) and self._candidates[attempt_id] is row:
                self._candidates[attempt_id] = candidates[attempt_id]

    def _with(self, attempt_id: str, candidate: Candidate) -> dict[str, bytes]:
        known = self._candidates.get(attempt_id, _NOBODY)
        if candidate is known or (isinstance(known, bytes) and encoded_candidate(candidate) == known):
            return {}
        self._candidates[attempt_id] = candidate
        return {attempt_id: encoded_candidate(candidate)}

    def _with_agenda(self, agenda: Agenda) -> dict[str, bytes]:
        if agenda is self.agenda:
            return {}
        self.agenda = agenda
        return {AGENDA_ROW: encoded_agenda(agenda)}


def decoded(picture: Mapping[str, Candidate | bytes]) -> dict[str, Candidate]:
    """The candidates of a picture. Takes a while after a restart."""
    return {
        attempt_id: decoded_candidate(known) if isinstance(known, bytes) else known
        for attempt_id, known in picture.items()
    }
