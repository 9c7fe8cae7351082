"""What the browser of a proctored student tells, and what is heard on the sockets of students and proctors."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.sync.client import ClientConnection, connect

from chassis.ids import new_id
from tests.e2e.exams import Sitting
from tests.e2e.people import Person

PROCTORED = {"duration_seconds": 3600, "proctoring": True}
_HEARD_SECONDS = 20.0


def batch(*kinds: str, ago: float = 0.0, apart: float = 0.0, **carried: Any) -> dict[str, Any]:
    """Signals of these kinds: the last one `ago` seconds before they are sent, `apart` seconds from each other."""
    sent_at = datetime.now(UTC)
    last = sent_at - timedelta(seconds=ago)
    moments = [last - timedelta(seconds=apart * place) for place in reversed(range(len(kinds)))]
    signals = [{"kind": kind, "at": moment.isoformat(), **carried} for kind, moment in zip(kinds, moments, strict=True)]
    return {"batch_id": str(new_id()), "sent_at": sent_at.isoformat(), "signals": signals}


def signals_of(sitting: Sitting) -> str:
    """The address that the browser sends signals to."""
    return f"/proctoring/attempts/{sitting.id}/signals"


def send(sitting: Sitting, *kinds: str, **how: Any) -> dict[str, Any]:
    """The browser sends signals, and they are taken in."""
    taken: dict[str, Any] = sitting.student.post(signals_of(sitting), batch(*kinds, **how))
    assert taken["accepted"] == len(kinds)
    return taken


class Channel:
    """An open socket of somebody, and everything heard on it so far."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.heard: list[dict[str, Any]] = []

    def hears(self, kind: str, **members: Any) -> dict[str, Any]:
        """The first message of a kind with these members, as soon as it is there."""
        end = time.monotonic() + _HEARD_SECONDS
        looked_at = 0
        while True:
            for message in self.heard[looked_at:]:
                looked_at += 1
                if message["type"] == kind and message.items() >= members.items():
                    return message
            try:
                self.heard.append(json.loads(self._connection.recv(max(end - time.monotonic(), 0.001))))
            except TimeoutError:
                kinds = [message["type"] for message in self.heard]
                raise AssertionError(f"no {kind} with {members} within {_HEARD_SECONDS} s; heard {kinds}") from None

    def answers(self, batch_id: str) -> dict[str, Any]:
        """The answer to a batch, whatever it says."""
        end = time.monotonic() + _HEARD_SECONDS
        while time.monotonic() < end:
            message = json.loads(self._connection.recv(_HEARD_SECONDS))
            self.heard.append(message)
            if message.get("batch_id") == batch_id:
                return dict(message)
        raise AssertionError(f"no answer to batch {batch_id} within {_HEARD_SECONDS} s")

    def says(self, **message: Any) -> None:
        """Sends a message."""
        self._connection.send(json.dumps(message))

    @property
    def numbers(self) -> list[int]:
        """The numbers of the feed's entries in the order in which they came; what only passes has none."""
        return [message["number"] for message in self.heard if message.get("number")]


@contextmanager
def monitor(proctor: Person, exam: str, after: int = 0) -> Iterator[Channel]:
    """A proctor's socket of an exam, from number `after` on."""
    with _opened(proctor, f"/ws/exams/{exam}/monitor", after) as channel:
        yield channel


@contextmanager
def seat(sitting: Sitting) -> Iterator[Channel]:
    """The student's socket of an attempt."""
    with _opened(sitting.student, f"/ws/attempts/{sitting.id}", 0) as channel:
        yield channel


@contextmanager
def _opened(person: Person, path: str, after: int) -> Iterator[Channel]:
    address = str(person.http.base_url).rstrip("/").replace("http://", "ws://") + path
    with connect(address) as connection:
        channel = Channel(connection)
        channel.says(type="authenticate", token=person.tokens["access_token"], after=after)
        channel.hears("authenticated")
        yield channel
