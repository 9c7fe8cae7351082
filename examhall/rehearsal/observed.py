"""What a ledger tells of proctoring: what browsers told and were promised, what was planted, what the proctor's socket said. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from examhall.rehearsal.holdings import Json
from examhall.rehearsal.ledger import Acted, Entry, Extended, Heard, NotTaken, Reported, Settled, Taken, Told


@dataclass
class Browsers:
    """The browsers at one attempt."""

    attempt_id: str
    reported: dict[str, Reported] = field(default_factory=dict)  # by batch id
    taken: dict[str, list[int]] = field(default_factory=dict)  # numbers told, by batch id
    refused: set[str] = field(default_factory=set)
    acts: list[Acted] = field(default_factory=list)

    def moment_of(self, what: str, which: int = 1) -> float | None:
        """When it was done for the so-manieth time; None when it was not."""
        moments = sorted(act.at for act in self.acts if act.what == what)
        return moments[which - 1] if len(moments) >= which else None


@dataclass(frozen=True)
class Observations:
    """All that a ledger tells of proctoring."""

    browsers: Mapping[str, Browsers]  # by attempt
    heard: tuple[Heard, ...]  # in order, passing messages included
    settled: tuple[Settled, ...]
    told: Mapping[str, tuple[Json, ...]] = field(
        default_factory=dict
    )  # by attempt, what the student's own socket said, in order
    extended: Mapping[str, int] = field(default_factory=dict)  # by attempt, seconds more

    def of_type(self, type: str) -> list[tuple[float, Mapping[str, Any]]]:
        """What the socket said of one type: when, and the message."""
        return [(each.at, each.message) for each in self.heard if each.message.get("type") == type]


def observations(entries: Iterable[Entry]) -> Observations:
    """Brings the entries of a ledger together."""
    browsers: dict[str, Browsers] = {}
    heard, settled = [], []
    told: dict[str, list[Json]] = {}
    extended: dict[str, int] = {}

    def at(attempt_id: str) -> Browsers:
        return browsers.setdefault(attempt_id, Browsers(attempt_id))

    for entry in entries:
        match entry:
            case Reported():
                at(entry.attempt_id).reported[entry.batch_id] = entry
            case Taken():
                at(entry.attempt_id).taken.setdefault(entry.batch_id, []).append(entry.number)
            case NotTaken():
                at(entry.attempt_id).refused.add(entry.batch_id)
            case Acted():
                at(entry.attempt_id).acts.append(entry)
            case Heard():
                heard.append(entry)
            case Settled():
                settled.append(entry)
            case Told():
                told.setdefault(entry.attempt_id, []).append(entry.message)
            case Extended():
                extended[entry.attempt_id] = entry.seconds
    by_attempt = {attempt_id: tuple(messages) for attempt_id, messages in told.items()}
    return Observations(browsers, tuple(heard), tuple(settled), by_attempt, extended)
