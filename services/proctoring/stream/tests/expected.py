"""What a tape must end in: the pure modules, without Faust or Kafka."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import events_pb2 as told
from proto.examhall.proctoring.v1 import signals_pb2 as signals
from services.proctoring import messages
from services.proctoring.attempt_watch import step
from services.proctoring.state import Happening
from services.proctoring.stream.tests.tapes import Event
from services.proctoring.stream.tests.workers import Hand, Told
from services.proctoring.telling import Telling

Outcome = dict[tuple[str, str], bytes]
"""The last word about every attempt, every alert and every limit that was reached."""


def outcome_of(events: Sequence[Event]) -> Outcome:
    """What the events end in."""
    happenings: defaultdict[str, list[Happening]] = defaultdict(list)
    for event in events:
        match event.message:
            case attempts.AnswersSaved():
                for kept in messages.answers_kept(event.message, event.at):
                    happenings[kept.attempt_id].append(kept)
            case signals.SignalsReceived():
                happenings[event.key].append(messages.signals_taken(event.message))
            case signals.WatchBegan():
                happenings[event.key].append(messages.watch_began(event.message))
            case attempts.AttemptStarted():
                state, address = event.message.attempt, event.message.client_address
                happenings[event.key].append(messages.attempt_changed(state, event.at, address))
            case attempts.AttemptSubmitted():
                happenings[event.key].append(messages.attempt_changed(event.message.attempt, event.at))
    return last_words(telling for known in happenings.values() for telling in step(None, known).tell)


def last_words(tellings: Iterable[Telling | Told]) -> Outcome:
    """Of everything that is told in revisions the highest."""
    found: dict[tuple[str, str], tuple[int, bytes]] = {}
    for telling in tellings:
        message = telling.message
        match message:
            case told.RiskAssessed():
                name, revision = ("risk", message.attempt_id), message.revision
            case told.AlertRaised():
                name, revision = ("alert", message.alert.alert_id), message.alert.revision
            case told.ViolationLimitReached():
                name, revision = ("limit", message.attempt_id), 1
            case _:
                continue
        if name not in found or revision > found[name][0]:
            found[name] = revision, _lasting(message)
    return {name: content for name, (_, content) in found.items()}


def _lasting(message: object) -> bytes:
    """What does not depend on when something was found: the words about a level or a limit name what was known by then."""
    if isinstance(message, told.AlertRaised) and message.alert.kind in ("risk", "violation_limit"):
        return message.alert.alert_id.encode()
    if isinstance(message, told.ViolationLimitReached):
        return message.attempt_id.encode()
    return message.SerializeToString(deterministic=True)  # type: ignore[attr-defined,no-any-return]


async def told_so_far(hand: Hand) -> Outcome:
    """What was told on the broker."""
    return last_words([*await hand.read("proctoring.risk.v1"), *await hand.read("proctoring.alerts.v1")])


async def must_end_in(hand: Hand, expected: Outcome) -> bool:
    """Fails while something that must be told is missing or different."""
    so_far = await told_so_far(hand)
    missing = {name for name, content in expected.items() if so_far.get(name) != content}
    assert not missing, f"{len(missing)} of {len(expected)} are not as expected yet"
    return True
