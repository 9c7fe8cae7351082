"""What may be answered to a question. A response is checked for its form only; whether it is right is nobody's business here."""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from proto.examhall.attempts.v1.events_pb2 import Choice, Response


class Kind(StrEnum):
    """The types of questions."""

    SINGLE_CHOICE = "single_choice"
    MULTIPLE_SELECT = "multiple_select"
    TRUE_FALSE = "true_false"
    SHORT_ANSWER = "short_answer"
    NUMERIC = "numeric"
    ESSAY = "essay"


# Where the author set no limit, in characters. A numeric answer is a number with a unit; an essay of 50,000 characters has about 20 pages.
DEFAULT_MAX_CHARACTERS = {Kind.SHORT_ANSWER: 1_000, Kind.NUMERIC: 100, Kind.ESSAY: 50_000}
# Four bytes each at most, so that one answer always fits into a message and a request.
MAX_CHARACTERS = 100_000

_MEMBER = {Kind.SINGLE_CHOICE: "option_id", Kind.MULTIPLE_SELECT: "option_ids", Kind.TRUE_FALSE: "value"}


class BadResponse(ValueError):
    """A response that a question can't have; `field` is the path below the response, `rule` a stable slug."""

    def __init__(self, field: str, rule: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.rule = rule


@dataclass(frozen=True)
class Answerable:
    """What a response to a question may hold. `max_characters` 0: the default of its type."""

    kind: Kind
    option_ids: Set[str] = frozenset()
    max_characters: int = 0


def read_response(question: Answerable, given: Any) -> dict[str, Any] | None:
    """The response as it is kept and shown; None when the answer was cleared. Raises BadResponse.

    An empty text and an empty selection are cleared answers, too.
    """
    if given is None:
        return None
    member = _MEMBER.get(question.kind, "text")
    if not isinstance(given, dict) or given.keys() != {member}:
        raise BadResponse("", "shape", f'A response to a {question.kind} question is {{"{member}": …}} or null.')
    value = given[member]
    match question.kind:
        case Kind.SINGLE_CHOICE:
            return {"option_id": _option(question, value, member)}
        case Kind.MULTIPLE_SELECT:
            return _selection(question, value)
        case Kind.TRUE_FALSE:
            if not isinstance(value, bool):
                raise BadResponse(member, "boolean", "A true/false response is true or false.")
            return {"value": value}
        case _:
            return _text(question, value)


def _selection(question: Answerable, value: Any) -> dict[str, Any] | None:
    if not isinstance(value, list):
        raise BadResponse("option_ids", "list", "option_ids is a list of the options chosen.")
    chosen = [_option(question, option, "option_ids") for option in value]
    if len(set(chosen)) != len(chosen):
        raise BadResponse("option_ids", "unique", "Each option is chosen at most once.")
    return {"option_ids": sorted(chosen)} if chosen else None


def _option(question: Answerable, value: Any, field: str) -> str:
    if not isinstance(value, str) or value not in question.option_ids:
        raise BadResponse(field, "known-option", "This question has no such option.")
    return value


def _text(question: Answerable, value: Any) -> dict[str, Any] | None:
    if not isinstance(value, str):
        raise BadResponse("text", "text", "text is a string.")
    limit = min(question.max_characters or DEFAULT_MAX_CHARACTERS[question.kind], MAX_CHARACTERS)
    if len(value) > limit:
        raise BadResponse("text", "max-characters", f"The answer has {len(value)} characters; at most {limit} fit.")
    if "\0" in value:
        raise BadResponse("text", "characters", "The answer holds a NUL character.")
    return {"text": value} if value.strip() else None


def message_of(response: dict[str, Any] | None) -> Response | None:
    """A kept response as it travels in messages."""
    match response:
        case {"option_id": option}:
            return Response(choice=Choice(option_ids=[option]))
        case {"option_ids": options}:
            return Response(choice=Choice(option_ids=options))
        case {"value": truth}:
            return Response(truth=truth)
        case {"text": text}:
            return Response(text=text)
        case _:
            return None
