"""One trace leads from a student's save through gateway and service into the consumers of its event (W3C Trace Context, OTLP)."""

import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from examhall.demo.content import STUDENTS
from examhall.tests.machine import machine
from tests.e2e.people import School, eventually

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector:
    """Takes in spans over OTLP/HTTP, as an operator's collector does."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []

    def of_trace(self, trace_id: str) -> dict[str, set[str]]:
        """Names of a trace's spans by service."""
        found: dict[str, set[str]] = defaultdict(set)
        for service, span in list(self.spans):
            if span.trace_id.hex() == trace_id:
                found[service].add(span.name)
        return found


@contextmanager
def collecting() -> Iterator[tuple[str, Collector]]:
    """A collector's address, and the collector."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                (name,) = [
                    each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
                ]
                collector.spans += [(name, span) for scope in resource.scope_spans for span in scope.spans]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_save_and_a_start_can_be_followed_from_the_gateway_to_every_consumer() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="examhall-e2e-", ignore_cleanup_errors=True) as folder,
        collecting() as (endpoint, collector),
        machine(
            Path(folder) / "data", services=(), EXAMHALL_OTLP_ENDPOINT=endpoint, EXAMHALL_TRACE_RATIO="0",
            OTEL_BSP_SCHEDULE_DELAY="200",
        ) as running,
    ):  # fmt: skip
        running.wait_until_ready(100)
        with School(f"http://127.0.0.1:{running.port}", running.folder) as school:
            student = school.log_in(STUDENTS[0].registration_number)
            exam = student.get("/exams", search="Warm-up")["items"][0]["id"]
            student.http.headers["traceparent"] = f"00-{TRACE}-b7ad6b7169203331-01"
            attempt = student.post("/attempts", {"exam_id": exam})["id"]
            question = student.get(f"/attempts/{attempt}/paper")["questions"][0]
            student.put(f"/attempts/{attempt}/answers/{question['id']}", {"revision": 1, "response": None})

        def followed() -> dict[str, set[str]]:
            spans = collector.of_trace(TRACE)
            assert any(name.startswith("PUT") for name in spans["examhall-gateway"])
            assert any(f"/answers/{question['id']}" in name for name in spans["examhall-attempts"])
            assert "publish attempts.answers.v1" in spans["examhall-attempts"]
            assert "publish attempts.lifecycle.v1" in spans["examhall-attempts"]
            assert "consume attempts.answers.v1" in spans["examhall-analytics"]
            assert "consume attempts.lifecycle.v1" in spans["examhall-grading"]
            assert "consume attempts.lifecycle.v1" in spans["examhall-proctoring"]
            return spans

        eventually(followed)
        (ours,) = {span.trace_id.hex() for _, span in collector.spans}
        assert ours == TRACE, "nothing but the trace that asks for it is recorded"
