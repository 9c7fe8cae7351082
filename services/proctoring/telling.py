"""What the stream has to say: a message, where it goes, and an id that is the same whenever the same thing is said again."""

from typing import NamedTuple
from uuid import UUID, uuid5

from google.protobuf.message import Message

_TELLINGS = UUID("6f1c3a52-6e0b-5c55-9d2e-3f6a1d0c7b41")


class Telling(NamedTuple):
    """One message of `topic`, keyed by `key`. `event_id` is fixed by what is told and its revision, so that repeats are dropped by whoever hears it."""

    topic: str
    key: str
    message: Message
    event_id: UUID


def event_id(what: str, revision: int) -> UUID:
    """The id of the telling of `what` (its kind and the ids that name it) at this revision."""
    return uuid5(_TELLINGS, f"{what}@{revision}")
