"""Since when the tables of a partition are whole.

Every changelog partition begins with a row that says so. Where it is missing after a recovery, the changelog was lost with the broker, or a broker that
keeps only so much has dropped its beginning, or nothing was ever written: the worker reads all that the broker has, asks for the events of running
exams once more and begins anew.
The time it began is the generation of the log that it writes: who read what was told before notices, and reads again (chassis/consuming.py).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog

from chassis.clock import now
from proto.examhall.proctoring.v1.stream_pb2 import StateLost
from services.proctoring.evidence import epoch_ms
from services.proctoring.stream.durable import Effect
from services.proctoring.stream.tables import MARKER
from services.proctoring.telling import Telling, event_id

if TYPE_CHECKING:
    from services.proctoring.stream.app import StreamApp

log = structlog.get_logger()

WORKER_TOPIC = "proctoring.worker.v1"


class Epochs:
    """The epoch of each partition this worker holds, in milliseconds since 1970."""

    def __init__(self, app: "StreamApp") -> None:
        self._app = app
        self._epochs: dict[int, int] = {}
        self.lost: frozenset[int] = frozenset()  # partitions whose markers were missing when they were taken up

    def of(self, partition: int) -> int:
        """The epoch of a partition; of one that is not held, the latest of those that are."""
        return self._epochs.get(partition) or max(self._epochs.values(), default=0)

    def recovered(self, partitions: set[int]) -> Effect:
        """Takes up what the markers of these partitions say; what is to be told and stored where they are missing."""
        self._epochs, lost = {}, set()
        for partition in partitions:
            rows = [table.row(partition, f"{MARKER}{partition}") for table in self._app.stored_tables]
            if all(rows):
                self._epochs[partition] = max(int(row) for row in rows if row)
            else:
                lost.add(partition)
        self.lost = frozenset(lost)
        return self._begin(self.lost) if lost else Effect()

    def _begin(self, partitions: frozenset[int]) -> Effect:
        epoch = epoch_ms(now())
        self._epochs |= dict.fromkeys(partitions, epoch)
        log.warning("state_lost", partitions=sorted(partitions))
        return Effect(
            tell=[state_lost(self._app.worker_name, partitions)],
            after=[
                table.put(partition, f"{MARKER}{partition}", str(epoch).encode())
                for partition in sorted(partitions)
                for table in self._app.stored_tables
            ],
        )


def state_lost(worker: str, partitions: Iterable[int]) -> Telling:
    """Asks for the events of running exams once more."""
    at = now()
    message = StateLost(worker=worker, partitions=sorted(partitions))
    message.at.FromDatetime(at)
    return Telling(WORKER_TOPIC, worker, message, event_id(f"lost {worker} {sorted(partitions)}", epoch_ms(at)))
