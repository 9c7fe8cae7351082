"""A worker of the stream as a process: runs until SIGTERM, and ends by itself when it has to be started anew. Whoever runs it starts it again.

python -m services.proctoring.stream.worker
"""

import asyncio
import gc
import os
import signal
import threading
from contextlib import suppress

import structlog
import uvloop
from faust.contrib.asgi import bind_to_running_loop
from threadpoolctl import threadpool_limits

from chassis import kafka
from chassis.dependencies import watch_dependencies
from chassis.logs import set_up_logging
from chassis.tracing import set_up_tracing
from proto.catalogue import STREAM
from services.proctoring.stream.app import StreamApp, count_partitions, make_app
from services.proctoring.stream.health import HealthServer
from services.proctoring.stream.settings import StreamSettings

log = structlog.get_logger()

# Exit status of a worker that has to be started anew ("temporary failure" of sysexits.h).
AGAIN = 75
_FINISH_SECONDS = 5.0


def run(settings: StreamSettings | None = None) -> None:
    """Runs a worker until SIGTERM or SIGINT. Raises SystemExit with AGAIN when it has to be started anew."""
    settings = settings or StreamSettings()
    set_up_logging(STREAM, settings.log_level)
    provider = set_up_tracing(STREAM, settings.otlp_endpoint, settings.trace_ratio)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    # The matrices of a running exam are small: several threads would only spin for each other, on cores that others want.
    with threadpool_limits(1, "blas"), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        reason = runner.run(Worker(settings).work())
    provider.shutdown()
    if reason is not None:
        raise SystemExit(AGAIN)


class Worker:
    """The app, the server that tells how it is, and how both end."""

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._app: StreamApp | None = None

    async def work(self) -> str | None:
        """Works until told to stop; gives the reason when it is to be started anew."""
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        health = HealthServer(self._settings, self._partitions)
        serving = asyncio.create_task(health.serve())
        watching = asyncio.create_task(watch_dependencies({"kafka": self._kafka_answers}))
        try:
            return await self._work_until(told)
        except Exception as error:
            log.error("stream_failed", exc_info=error)
            return f"{type(error).__name__}: {error}"[:300]
        finally:
            self._end_in_bounded_time()
            watching.cancel()
            if self._app is not None:
                await _stop(self._app)
            health.should_exit = True
            await asyncio.wait([serving])

    async def _work_until(self, told: asyncio.Event) -> str | None:
        """Starts the app and waits for whichever comes first: the word to stop, or a reason to begin again."""
        waiting = asyncio.create_task(told.wait())
        working = asyncio.create_task(self._begin())
        await asyncio.wait([waiting, working], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            return None
        waiting.cancel()
        return working.result()

    async def _begin(self) -> str:
        partitions = await count_partitions(self._settings.kafka_bootstrap_servers)
        app = self._app = make_app(self._settings, partitions)
        bind_to_running_loop(app)
        app.finalize()
        # Started is what has recovered its tables, which may never be: a reason to begin again may come before.
        starting, stopped = asyncio.create_task(app.start()), asyncio.create_task(app.stopped.wait())
        try:
            await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            await stopped
            return app.reason or "stopped"
        finally:
            starting.cancel()
            stopped.cancel()

    async def _kafka_answers(self) -> bool:
        return await kafka.answers(self._settings.kafka_bootstrap_servers)

    def _partitions(self) -> list[int] | None:
        app = self._app
        return sorted(app.held) if app is not None and app.is_ready else None

    def _end_in_bounded_time(self) -> None:
        """Faust may wait for ever for a broker that is away. Nothing is lost by ending: what is not committed is read again."""

        def end() -> None:
            log.warning("stream_ended", after_seconds=self._settings.stream_stop_seconds)
            os._exit(AGAIN)

        timer = threading.Timer(self._settings.stream_stop_seconds, end)
        timer.daemon = True
        timer.start()


async def _stop(app: StreamApp) -> None:
    """Finishes what is under way, commits, and stops."""
    is_ready, app.is_ready = app.is_ready, False
    app.stopped.set()
    try:
        if app.positions.replaced:
            await asyncio.wait_for(app.consumer.begin_again(), _FINISH_SECONDS)
        elif is_ready:
            await asyncio.wait_for(app.finish(), _FINISH_SECONDS)
        await app.stop_beside()
        await app.stop()
    except Exception as error:
        log.warning("stream_stopped_badly", error=f"{type(error).__name__}: {error}"[:300])


if __name__ == "__main__":
    run()
