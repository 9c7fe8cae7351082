"""The lean routes: save one answer, save several, heartbeat. They take what they need of a request and no more."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TypeVar

import msgspec

from chassis.errors import InvalidInput
from chassis.hot import HotCall, HotOperation, HotReply, HotRoute, Pending
from chassis.service import Runtime
from services.attempts.app_state import parts_of
from services.attempts.autosave import Autosave, GivenAnswer, Outcome, Saved, Sitting, identifier, read_save
from services.attempts.endings import ending_text
from services.attempts.heartbeats import Heartbeats, Pulse

T = TypeVar("T")

MAX_ANSWERS = 200


class GivenBatchAnswer(GivenAnswer, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An answer in a batch names its question."""

    question_id: str


class GivenBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several answers of one attempt."""

    answers: list[GivenBatchAnswer]


class SavedAnswerOut(msgspec.Struct, frozen=True):
    """What is stored of one answer: `saved` is false when an equal or higher revision was there already."""

    question_id: str
    revision: int
    saved: bool


class SaveReply(msgspec.Struct, frozen=True):
    """The reply to one save."""

    question_id: str
    revision: int
    saved: bool
    server_time: str
    seconds_left: int


class BatchReply(msgspec.Struct, frozen=True):
    """The reply to a batch, in the order of the request."""

    answers: list[SavedAnswerOut]
    server_time: str
    seconds_left: int


class PulseReply(msgspec.Struct, frozen=True):
    """The reply to a heartbeat."""

    status: str
    server_time: str
    seconds_left: int
    deadline_at: str
    submit_reason: str
    submit_text: str


_SAVE_ONE = HotOperation(
    "saveAnswer",
    "Saves one answer. The highest revision wins; an equal or lower one is acknowledged and changes nothing.",
    "attempts",
    ("attempt_id", "question_id"),
    SaveReply,
    GivenAnswer,
)
_SAVE_MANY = HotOperation(
    "saveAnswers",
    "Saves several answers of an attempt, all or none.",
    "attempts",
    ("attempt_id",),
    BatchReply,
    GivenBatch,
)
_BEAT = HotOperation(
    "sendHeartbeat", "Status and time left, by the server's clock.", "attempts", ("attempt_id",), PulseReply
)

_encode = msgspec.json.Encoder().encode
_one = msgspec.json.Decoder(GivenAnswer)
_many = msgspec.json.Decoder(GivenBatch)


def hot_routes(runtime: Runtime) -> list[HotRoute]:
    """The lean routes of this process."""
    return [
        HotRoute("PUT", "/api/v1/attempts/{}/answers/{}", lambda call: save(runtime, call), _SAVE_ONE),
        HotRoute("PUT", "/api/v1/attempts/{}/answers", lambda call: save_batch(runtime, call), _SAVE_MANY),
        HotRoute("POST", "/api/v1/attempts/{}/heartbeat", lambda call: heartbeat(runtime, call), _BEAT),
    ]


def save(runtime: Runtime, call: HotCall) -> Awaitable[HotReply]:
    """PUT /attempts/{id}/answers/{question_id}. Everything that can be refused at once is refused before anything waits."""
    autosave = parts_of(runtime).autosave
    given = _decoded(_one, call.body)
    sitting = autosave.known(call.actor, call.parts[0])
    if sitting is None:
        return _save_after_loading(autosave, call, given)
    return _saving(autosave, sitting, call, given)


async def _save_after_loading(autosave: Autosave, call: HotCall, given: GivenAnswer) -> HotReply:
    sitting = await autosave.sitting(call.actor, call.parts[0])
    return await _saving(autosave, sitting, call, given)


def _saving(autosave: Autosave, sitting: Sitting, call: HotCall, given: GivenAnswer) -> Pending:
    question_id = call.parts[1]
    future = autosave.save(read_save(sitting, question_id, given, traceparent=call.traceparent))
    return Pending(future, partial(_saved_one, question_id))


def _saved_one(question_id: str, outcome: Outcome) -> HotReply:
    saved = outcome.saved()
    reply = SaveReply(question_id, saved.revision, saved.is_new, iso(saved.server_time), _seconds_left(saved))
    return HotReply(200, _encode(reply))


async def save_batch(runtime: Runtime, call: HotCall) -> HotReply:
    """PUT /attempts/{id}/answers. A batch is stored as a whole, or refused as a whole with the faulty answer named."""
    autosave = parts_of(runtime).autosave
    given = _decoded(_many, call.body).answers
    if not 1 <= len(given) <= MAX_ANSWERS:
        raise InvalidInput("answers", "length", f"A batch holds 1 to {MAX_ANSWERS} answers.")
    sitting = await autosave.sitting(call.actor, call.parts[0])
    saves = [read_save(sitting, answer.question_id, answer, f"answers.{index}.") for index, answer in enumerate(given)]
    saved = await autosave.save_all(saves)
    stored = [
        SavedAnswerOut(answer.question_id, result.revision, result.is_new)
        for answer, result in zip(given, saved, strict=True)
    ]
    return HotReply(200, _encode(BatchReply(stored, iso(saved[-1].server_time), _seconds_left(saved[-1]))))


async def heartbeat(runtime: Runtime, call: HotCall) -> HotReply:
    """POST /attempts/{id}/heartbeat: status and time left, by the server's clock."""
    heartbeats: Heartbeats = parts_of(runtime).heartbeats
    pulse: Pulse = await heartbeats.beat(call.actor, identifier(call.parts[0]))
    reply = PulseReply(
        pulse.status,
        iso(pulse.server_time),
        pulse.seconds_left,
        iso(pulse.deadline_at),
        pulse.submit_reason,
        ending_text(pulse.submit_reason),
    )
    return HotReply(200, _encode(reply))


@lru_cache(64)  # all saves of a commit have the same moment
def iso(moment: datetime) -> str:
    """A time in UTC, as the framework's routes write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _seconds_left(saved: Saved) -> int:
    return max(0, int((saved.deadline_at - saved.server_time).total_seconds()))


def _decoded(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidInput(_field(path), "shape", f"{message}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("", "json", "The body is not valid JSON.") from error


def _field(path: str) -> str:
    """`.answers[...].revision` as msgspec writes it, as fields are named elsewhere."""
    return path.strip("`.").replace("[...]", ".*").replace("[", ".").replace("]", "")
