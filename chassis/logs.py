"""Logs: one JSON object a line on standard output, each with the service and, inside a request or an event, the trace id.

No log holds what people write. Errors of PostgreSQL would: their detail shows the row that was refused, an answer among its columns.
"""

import logging
import re
import sys
from typing import Any

import msgspec
import structlog

from chassis.tracing import current_trace_id

# From PostgreSQL's word for it to what asyncpg or SQLAlchemy say next, or to another exception; groups of exceptions are drawn with bars.
_DETAIL = re.compile(
    r"\n[ |]*DETAIL:.*?(?=\n[ |]*(?:HINT:|\[SQL:|The above exception|During handling|Traceback \(|\+-)|\Z)", re.DOTALL
)


def without_details(text: str) -> str:
    """A text of errors without the rows and values in them."""
    return _DETAIL.sub("\nDETAIL: (not logged)", text) if "DETAIL:" in text else text


def _hide_details(_: Any, __: str, record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: without_details(str(value) if isinstance(value, BaseException) else value)
        if isinstance(value, str | BaseException)
        else value
        for name, value in record.items()
    }


def set_up_logging(service: str, level: str = "info") -> None:
    """Sends structlog's and the standard library's records through one JSON writer."""

    def add_context(_: Any, __: str, record: dict[str, Any]) -> dict[str, Any]:
        record["service"] = service
        if trace_id := current_trace_id():
            record["trace_id"] = trace_id
        return record

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_context,
        structlog.processors.format_exc_info,
        _hide_details,
    ]
    renderer = structlog.processors.JSONRenderer(
        serializer=lambda record, **_: msgspec.json.encode(record, enc_hook=str).decode()
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
