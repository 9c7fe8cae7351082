"""The OpenAPI document of the whole installation, and a page that shows it without anything from elsewhere."""

import base64
import hashlib
import re
from pathlib import Path

from chassis.errors import NotFound
from gateway.arrivals import Arrival, Headers
from gateway.replies import Reply

_PAGE = Path(__file__).parent / "docs.html"


class Pages:
    """Both are read once, at start."""

    def __init__(self, openapi_file: Path) -> None:
        self._openapi = openapi_file.read_bytes() if openapi_file.is_file() else None
        self._page = _PAGE.read_bytes()
        self._page_headers: Headers = [
            (b"content-security-policy", _policy(self._page)),
            (b"cache-control", b"no-cache"),
        ]

    async def openapi(self, _: Arrival) -> Reply:
        """The document; NotFound when this installation was made without it."""
        if self._openapi is None:
            raise NotFound("This installation has no OpenAPI document.")
        return Reply(200, self._openapi, [(b"cache-control", b"no-cache")])

    async def docs(self, _: Arrival) -> Reply:
        """The page."""
        return Reply(200, self._page, self._page_headers, b"text/html; charset=utf-8")


def _policy(page: bytes) -> bytes:
    """Allows exactly the page's own script and style, by hash, and reading the document from here."""
    allowed = {
        tag: b" ".join(
            b"'sha256-%b'" % base64.b64encode(hashlib.sha256(content).digest())
            for content in re.findall(b"<%b>(.*?)</%b>" % (tag, tag), page, re.DOTALL)
        )
        for tag in (b"script", b"style")
    }
    return (
        b"default-src 'none'; connect-src 'self'; script-src %b; style-src %b; base-uri 'none'; frame-ancestors 'none'"
        % (allowed[b"script"], allowed[b"style"])
    )
