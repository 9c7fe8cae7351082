"""What one student has answered: every save with its revision, and what was promised of it, all of it noted in the ledger."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from examhall.rehearsal.audit import canonical
from examhall.rehearsal.ledger import Acknowledged, Answer, Ledger, Refused, Sent


@dataclass
class Save:
    """One save of one answer; `response` is None where it was cleared."""

    question_id: str
    revision: int
    response: dict[str, Any] | None
    is_flagged: bool

    @property
    def body(self) -> dict[str, Any]:
        """As it is sent."""
        return {"revision": self.revision, "response": self.response, "is_flagged": self.is_flagged}


@dataclass
class Sheet:
    """The answers of one attempt, as the student knows them."""

    ledger: Ledger
    attempt_id: str
    _saves: dict[str, list[Save]] = field(default_factory=dict)
    _acknowledged: dict[str, int] = field(default_factory=dict)

    def write(self, question_id: str, response: dict[str, Any] | None, is_flagged: bool) -> Save:
        """Another answer to a question, under the next revision."""
        save = Save(question_id, self.next_revision(question_id), response, is_flagged)
        self._saves.setdefault(question_id, []).append(save)
        return save

    def find(self, question_id: str, answer: Mapping[str, Any]) -> None:
        """An answer of an earlier visit to this attempt: what the paper shows as saved is a promise too."""
        save = Save(question_id, answer["revision"], answer["response"], answer["is_flagged"])
        self._saves[question_id] = [save]
        self.note_sent(save)
        self.acknowledge(save, answer)

    def next_revision(self, question_id: str) -> int:
        """Of the next save of a question."""
        saves = self._saves.get(question_id)
        return saves[-1].revision + 1 if saves else 1

    def written(self, question_id: str, which: int) -> Save | None:
        """A save of a question, counted from the last one, which is -1."""
        saves = self._saves.get(question_id, [])
        return saves[which] if len(saves) >= -which else None

    def note_sent(self, save: Save) -> None:
        """It goes out."""
        self.ledger.write(
            Sent(self.attempt_id, save.question_id, save.revision, save.response, save.is_flagged, time.time())
        )

    def acknowledge(self, save: Save, stored: Mapping[str, Any]) -> None:
        """The institution has promised that it is stored."""
        self.ledger.write(
            Acknowledged(self.attempt_id, save.question_id, save.revision, stored["revision"], time.time())
        )
        known = self._acknowledged.get(save.question_id, 0)
        self._acknowledged[save.question_id] = max(save.revision, known)

    def refuse(self, saves: Iterable[Save], status: int) -> None:
        """They came after the end."""
        for save in saves:
            self.ledger.write(Refused(self.attempt_id, save.question_id, save.revision, status))

    def difference(self, question_id: str, shown: Mapping[str, Any] | None) -> str | None:
        """What is wrong with an answer as the paper shows it again; None: nothing."""
        promised, revision = self._acknowledged.get(question_id, 0), shown["revision"] if shown else 0
        if revision < promised:
            return f"revision {revision} is shown, {promised} was acknowledged"
        meant = next((save for save in self._saves.get(question_id, []) if save.revision == revision), None)
        if shown is None or meant is None:
            return None
        seen = Answer(shown["response"], shown["is_flagged"])
        is_same = canonical(Answer(meant.response, meant.is_flagged)) == canonical(seen)
        return None if is_same else f"revision {revision} is shown otherwise than it was sent"
