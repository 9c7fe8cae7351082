"""A worker of the stream as a process: runs until SIGTERM, and ends by itself when it has to be started anew. Whoever runs it starts it again.

python -m services.proctoring.stream.worker
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI, Response
from faust.contrib.asgi import bind_to_running_loop
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chassis.logs import set_up_logging
from chassis.service import serve, uvicorn_config
from chassis.tracing import set_up_tracing
from proto.catalogue import STREAM
from services.proctoring.stream.app import StreamApp, count_partitions, make_app
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
    worker = Worker(settings)
    serve(worker.server)
    provider.shutdown()
    if worker.is_unfinished:
        raise SystemExit(AGAIN)


class Worker:
    """The app, and the server that tells how it is."""

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._app: StreamApp | None = None
        self.is_unfinished = False
        self.server = uvicorn.Server(uvicorn_config(self._http(), settings))

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        working = asyncio.create_task(self._work())
        yield
        self._end_in_bounded_time()
        if self._app is None:
            working.cancel()
        else:
            self._app.stopped.set()
        await asyncio.wait([working])

    async def _work(self) -> None:
        """From start to end of the app."""
        try:
            partitions = await count_partitions(self._settings.kafka_bootstrap_servers)
            app = self._app = make_app(self._settings, partitions)
            bind_to_running_loop(app)
            app.finalize()
            starting = asyncio.create_task(app.start())
            starting.add_done_callback(lambda task: _note_failure(app, task))
            await app.stopped.wait()
            self.is_unfinished = app.reason is not None
            self._end_in_bounded_time()
            await self._stop(app)
            starting.cancel()
        except Exception as error:
            log.error("stream_did_not_start", exc_info=error)
            self.is_unfinished = True
        self.server.should_exit = True

    async def _stop(self, app: StreamApp) -> None:
        try:
            if app.positions.replaced:
                await asyncio.wait_for(app.consumer.begin_again(), _FINISH_SECONDS)
            elif app.is_ready:
                await asyncio.wait_for(app.finish(), _FINISH_SECONDS)
            app.is_ready = False
            await app.stop_beside()
            await app.stop()
        except Exception as error:
            log.warning("stream_stopped_badly", error=f"{type(error).__name__}: {error}"[:300])

    def _end_in_bounded_time(self) -> None:
        """Faust may wait for ever for a broker that is away. Nothing is lost by ending: what is not committed is read again."""

        def end() -> None:
            log.warning("stream_ended", after_seconds=self._settings.stream_stop_seconds)
            os._exit(AGAIN)

        timer = threading.Timer(self._settings.stream_stop_seconds, end)
        timer.daemon = True
        timer.start()

    def _http(self) -> FastAPI:
        http = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=self._lifespan)

        @http.get("/health/live")
        async def live() -> dict[str, str]:
            return {"status": "alive"}

        @http.get("/health/ready")
        async def ready(response: Response) -> dict[str, Any]:
            app = self._app
            is_ready = app is not None and app.is_ready
            response.status_code = 200 if is_ready else 503
            partitions = sorted(app.held) if app is not None and is_ready else []
            return {"status": "ready" if is_ready else "not ready", "partitions": partitions}

        @http.get("/metrics")
        async def metrics() -> Response:
            return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

        return http


def _note_failure(app: StreamApp, starting: asyncio.Task[Any]) -> None:
    if not starting.cancelled() and (error := starting.exception()) is not None:
        log.error("stream_did_not_start", exc_info=error)
        app.begin_again(f"{type(error).__name__}: {error}"[:300])


if __name__ == "__main__":
    run()
