"""What has to hold of proctoring whatever was done meanwhile, and a second worker of its stream."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from examhall.places import kept, naming
from examhall.servers import accepts_connections, free_port
from examhall.tests.machine import Machine, clean_environment, wait_for
from proto.catalogue import STREAM
from tests.faults.hall import Rehearsal

SERVICE = "proctoring"
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0


def must_have_scored_as_if_nothing_had_happened(sitting: Rehearsal) -> None:
    """Every assessment is what the pure rules make of what was sent, every alert has its cause and was told once; nobody honest is accused.

    The rehearsal's audit compares all this one by one, so here it is seen that there was something to compare.
    """
    told = sitting.proctoring()
    audit, verdicts = told["audit"], told["verdicts"]
    assert audit["batches_found"] == audit["batches_taken"] > audit["attempts"]
    assert audit["assessments_as_recounted"] == audit["attempts"] > 0
    assert audit["alerts_told"] == audit["alerts_listed"] > 0
    assert verdicts["accused_wrongly"] == []
    found = {each["part"] for each in verdicts["planted"] if each["is_found"]}
    assert {"opens developer tools", "pastes"} <= found


@contextmanager
def second_worker(up: Machine) -> Iterator["subprocess.Popen[bytes]"]:
    """One more worker of the stream at the same broker: the partitions are shared out anew when it comes and when it goes."""
    port = free_port()
    environment = kept(up.folder, up.port).environment_of(STREAM, naming(up.record.named))
    log = up.folder.parent / f"second-worker-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "examhall.main", "serve", STREAM],
            env=clean_environment(**environment | {"EXAMHALL_HTTP_PORT": str(port)}),
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: accepts_connections(port) or process.poll() is not None, _READY_SECONDS)
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
