"""Where a list that grows goes on: the sort key of the last line shown, opaque to clients. Pure."""

import base64
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec

from chassis.errors import InvalidInput

Key = TypeVar("Key", bound=tuple[Any, ...])

# What sort keys are made of, as far as the database can hold it.
At = Annotated[datetime, msgspec.Meta(tz=True)]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]


def cursor_of(key: tuple[Any, ...]) -> str:
    """The cursor that stands for a sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def key_of(cursor: str, kind: type[Key]) -> Key:
    """The sort key in a cursor. Raises InvalidInput for anything that is not a cursor of this kind of list."""
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key: Key = msgspec.json.decode(content, type=kind)
        # The database keeps times in UTC, where the first and the last hours of all years overflow.
        for part in key:
            if isinstance(part, datetime):
                part.astimezone(UTC)
    except (ValueError, OverflowError, msgspec.DecodeError) as error:
        raise InvalidInput("cursor", "format", "Send `cursor` as it came in `next_cursor`, or leave it out.") from error
    return key
