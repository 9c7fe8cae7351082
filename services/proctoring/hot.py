"""The lean route: a browser's signals. It takes what it needs of a request and no more."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

import msgspec

from chassis.errors import InvalidInput, NotFound
from chassis.hot import HotCall, HotOperation, HotReply, HotRoute, Pending
from chassis.service import Runtime
from services.proctoring.app_state import parts_of
from services.proctoring.intake import Intake, Sitting, Taken, offer_of
from services.proctoring.problems import BatchTooLarge
from services.proctoring.signals import (
    DERIVED_KINDS,
    MAX_BATCH_BYTES,
    MAX_SIGNALS_PER_BATCH,
    Signal,
    SignalBatch,
    SignalKind,
)


class SignalsReply(msgspec.Struct, frozen=True):
    """What was taken in: the batch's number within the attempt, and how many of its signals are kept (those observed during a pause are not)."""

    batch_id: str
    number: int
    accepted: int
    server_time: str


_SEND = HotOperation(
    "sendSignals",
    "Takes in a batch of signals of the caller's own running attempt. The same batch_id again is acknowledged again and changes nothing.",
    "proctoring",
    ("attempt_id",),
    SignalsReply,
    SignalBatch,
)

_encode = msgspec.json.Encoder().encode
_batch = msgspec.json.Decoder(SignalBatch)
_PLACE = " - at `$"


def hot_routes(runtime: Runtime) -> list[HotRoute]:
    """The lean routes of this process."""
    path = "/api/v1/proctoring/attempts/{}/signals"
    return [HotRoute("POST", path, lambda call: send_signals(parts_of(runtime).intake, call), _SEND)]


def send_signals(intake: Intake, call: HotCall) -> Awaitable[HotReply]:
    """POST /proctoring/attempts/{id}/signals. Everything that can be refused at once is refused before anything waits."""
    attempt_id = _identifier(call.parts[0])
    sitting = intake.known(call.actor, attempt_id)
    batch = read_batch(call.body)
    if sitting is None:
        return _send_after_loading(intake, call, attempt_id, batch)
    return _sending(intake, sitting, call, batch)


async def _send_after_loading(intake: Intake, call: HotCall, attempt_id: UUID, batch: SignalBatch) -> HotReply:
    return await _sending(intake, await intake.sitting(call.actor, attempt_id), call, batch)


def _sending(intake: Intake, sitting: Sitting, call: HotCall, batch: SignalBatch) -> Pending:
    offer = offer_of(call.actor, sitting, batch, call.traceparent)
    return Pending(intake.take(offer), partial(_taken, batch.batch_id))


def _taken(batch_id: str, result: Taken | Exception) -> HotReply:
    if isinstance(result, Exception):
        raise result
    return HotReply(200, _encode(SignalsReply(batch_id, result.number, result.accepted, _iso(result.server_time))))


def read_batch(body: bytes) -> SignalBatch:
    """The batch in a request. Raises BatchTooLarge with the limit, InvalidInput naming the field and the rule."""
    if len(body) > MAX_BATCH_BYTES:
        raise BatchTooLarge(f"A batch has at most {MAX_BATCH_BYTES} bytes.", max_bytes=MAX_BATCH_BYTES)
    try:
        return _batch.decode(body)
    except msgspec.ValidationError as error:
        raise _fault(body, error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("", "json", "The body is not valid JSON.") from error


def _fault(body: bytes, error: msgspec.ValidationError) -> Exception:
    """What is wrong with a batch: the first faulty signal by its number and, for a kind that may not be sent, why not."""
    try:
        given = msgspec.json.decode(body)
    except msgspec.ValidationError:  # JSON, with a number that nothing holds
        return _shape("", error)
    except (msgspec.DecodeError, UnicodeDecodeError):  # behind the fault that was met first
        return InvalidInput("", "json", "The body is not valid JSON.")
    signals = given.get("signals") if isinstance(given, dict) else None
    if not isinstance(signals, list) or "signals[" not in str(error):
        if isinstance(signals, list) and len(signals) > MAX_SIGNALS_PER_BATCH:
            return BatchTooLarge(
                f"A batch has at most {MAX_SIGNALS_PER_BATCH} signals.", max_signals=MAX_SIGNALS_PER_BATCH
            )
        return _shape("", error)
    for index, signal in enumerate(signals):
        if found := _fault_of_signal(f"signals.{index}", signal):
            return found
    return _shape("", error)


def _fault_of_signal(field: str, signal: Any) -> InvalidInput | None:
    kind = signal.get("kind") if isinstance(signal, dict) else None
    if isinstance(kind, str) and kind in DERIVED_KINDS:
        return InvalidInput(
            f"{field}.kind", "derived", f"The server finds out {kind} itself; it is not believed from a client."
        )
    if isinstance(kind, str) and kind not in set(SignalKind):
        return InvalidInput(f"{field}.kind", "known", "There is no such kind of signal.")
    try:
        msgspec.convert(signal, Signal)
    except msgspec.ValidationError as error:
        return _shape(field, error)
    return None


def _shape(prefix: str, error: msgspec.ValidationError) -> InvalidInput:
    message, _, path = str(error).partition(_PLACE)
    field = path.strip("`.").replace("[...]", ".*").replace("[", ".").replace("]", "")
    return InvalidInput(".".join(part for part in (prefix, field) if part), "shape", f"{message}.")


def _identifier(text: str) -> UUID:
    try:
        parsed = UUID(text)
    except ValueError as error:
        raise NotFound("There is no such attempt.") from error
    if str(parsed) != text:
        raise NotFound("There is no such attempt.")
    return parsed


@lru_cache(64)  # all batches of a commit have the same moment
def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
