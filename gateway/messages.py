"""What clients and the gateway say to each other on a socket beside the feed's own messages. Each is one JSON object with a member `type`.

from clients: authenticate {token, after?}, ping, and what the channel forwards, such as signals {batch_id, …}
to clients:   authenticated, incomplete, pong, refused, and the answers to what was forwarded, such as signals_taken
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from chassis.errors import DomainError, InvalidInput, TooManyRequests, problem_document
from gateway.replies import problem_for
from gateway.routes import Forward
from gateway.wire import text_frame
from proto.examhall.chassis.v1.hot_pb2 import HotReply

MOST_NUMBER = 2**53 - 1  # what JavaScript can count


class Authenticate(msgspec.Struct, frozen=True):
    """The token, and the number of the last entry that the client has."""

    token: str
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A client's message: its type, its members unread, and its content where the gateway itself is meant."""

    kind: str
    members: Mapping[str, msgspec.Raw]
    content: Authenticate | None = None

    def body(self) -> bytes:
        """The message without its type, as the body of a request."""
        return msgspec.json.encode({name: value for name, value in self.members.items() if name != "type"})


_members_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_kind_of = msgspec.json.Decoder(str).decode
_authenticate = msgspec.json.Decoder(Authenticate).decode


def read_message(message: Mapping[str, Any]) -> Heard:
    """A client's message. Raises InvalidInput for anything that is none."""
    text = message.get("text")
    if text is None:
        raise InvalidInput("type", "text", "Messages are text, not binary.")
    try:
        members = _members_of(text)
        kind = _kind_of(members["type"])
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("type", "required", 'A message is a JSON object with a member "type".') from None
    if kind != "authenticate":
        return Heard(kind, members)
    try:
        content = _authenticate(text)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidInput("token", "required", 'It takes {"type":"authenticate","token":"…","after":0}.') from None
    if content.after is not None and not 0 <= content.after <= MOST_NUMBER:
        raise InvalidInput("after", "range", "`after` is the number of an entry, or 0.")
    return Heard(kind, members, content)


def authenticated(feed: str, after: int, expires_at: float) -> bytes:
    """The token is good until `expires_at`, unless renewed; what follows number `after` comes next."""
    until = datetime.fromtimestamp(expires_at, UTC)
    return _frame({"type": "authenticated", "feed": feed, "after": after, "expires_at": until})


def incomplete() -> bytes:
    """Not everything that the client missed is still kept."""
    text = "Some of what you missed is not kept any more; read the whole state anew."
    return _frame({"type": "incomplete", "text": text})


def pong() -> bytes:
    """The answer to a ping."""
    return _PONG


def answered(reply: HotReply, heard: Heard, forward: Forward) -> bytes:
    """The answer to what was forwarded: the service's, with a type."""
    if reply.status >= 400:
        return _refused(heard, forward.repeated, reply.status, msgspec.Raw(reply.body))
    members = _members_of(reply.body) if reply.body else {}
    return _frame({**members, "type": forward.taken})


def refused(error: DomainError, heard: Heard | None, repeated: Sequence[str] = ()) -> bytes:
    """The answer to a message that nothing is done with, and why."""
    problem = problem_for(error)
    wait = {"retry_after_seconds": error.retry_after_seconds} if isinstance(error, TooManyRequests) else {}
    document = problem_document(problem, error.detail, **error.members, **wait)
    return _refused(heard, repeated, problem.status, document)


def _refused(heard: Heard | None, repeated: Sequence[str], status: int, problem: Any) -> bytes:
    members = {name: heard.members[name] for name in repeated if name in heard.members} if heard else {}
    kind = heard.kind[:100] if heard else None
    return _frame({**members, "type": "refused", "refused": kind, "status": status, "problem": problem})


def _frame(members: Mapping[str, Any]) -> bytes:
    return text_frame(msgspec.json.encode(members, enc_hook=str))


_PONG = _frame({"type": "pong"})
