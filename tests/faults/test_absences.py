"""A server is away while a class sits, and the class does not notice."""

import signal
from pathlib import Path

import pytest

from examhall.servers import HOST, free_port, start_redis
from tests.faults.hall import frozen, hall, must_have_kept_every_promise, rehearsal, saves_go_on

pytestmark = pytest.mark.faults

STUDENTS = 40
AWAY_SECONDS = 60.0
_REDIS_TIMEOUT_MS = 500  # the gateway's: who waited for Redis would wait so long


def test_kafka_is_away_for_a_minute_and_answers_are_saved_all_the_time(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, pace=0.6) as sitting:
        sitting.wait_for_saves(40)
        with frozen(up.pid("broker")):
            saves_go_on(sitting, AWAY_SECONDS)
        must_have_kept_every_promise(up, sitting)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_redis_is_gone_for_the_rest_and_no_request_fails_or_waits_for_it(folder: Path, how: signal.Signals):
    port = free_port()
    redis = start_redis(folder / "redis", port)
    try:
        with hall(folder, REDIS_URL=f"redis://{HOST}:{port}/0") as up, rehearsal(up, STUDENTS, pace=2.0) as sitting:
            sitting.wait_for_saves(40)
            redis.process.send_signal(how)
            must_have_kept_every_promise(up, sitting)
            assert {name: step["errors"] for name, step in sitting.steps().items() if step["errors"]} == {}
            assert sitting.steps()["save"]["p50"] < _REDIS_TIMEOUT_MS
    finally:
        redis.process.kill()
        redis.process.wait()
