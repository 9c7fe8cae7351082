"""Answers as JSON: as they were given for a timeline, in one form for all who gave the same for counting. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from proto.examhall.attempts.v1.events_pb2 import Response

# A timeline tells that an essay grew, not its every state: the essay itself is in the attempt.
LONGEST_TEXT = 500


def as_given(response: Response) -> dict[str, Any] | None:
    """The answer; None when it was cleared. A long text is cut, with `characters` saying how long it was."""
    match response.WhichOneof("kind"):
        case "choice":
            return {"option_ids": list(response.choice.option_ids)}
        case "truth":
            return {"value": response.truth}
        case "text" if len(response.text) > LONGEST_TEXT:
            return {"text": response.text[:LONGEST_TEXT], "characters": len(response.text)}
        case "text":
            return {"text": response.text}
    return None


def for_counting(response: Response) -> dict[str, Any] | None:
    """The same for answers that differ only in the order of options, in case or in white space."""
    given = as_given(response)
    if given is None:
        return None
    if "option_ids" in given:
        return {"option_ids": sorted(set(given["option_ids"]))}
    if "text" in given:
        return {"text": " ".join(given["text"].casefold().split())}
    return given


def json_text(value: Mapping[str, Any]) -> str:
    """JSON for a column that is filled by an array of texts."""
    return msgspec.json.encode(value).decode()
