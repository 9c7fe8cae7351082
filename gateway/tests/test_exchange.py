"""However the network cuts a reply into pieces, it is the same reply, and the same is thought of its connection."""

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange import WHOLE_BYTES, Connection
from gateway.upstream_reply import UpstreamError

_NAMES = st.sampled_from([b"x-one", b"X-Two", b"set-cookie", b"Content-Type"])
_VALUES = st.binary(max_size=12).map(lambda value: bytes(33 + byte % 94 for byte in value))
_CONNECTION = st.sampled_from([b"", b"Connection: close\r\n", b"connection: keep-alive\r\n"])
_EXCESS = st.sampled_from([b"", b"", b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"0\r\n\r\n"])


class _Transport:
    def __init__(self) -> None:
        self.is_aborted = False

    def write(self, _: bytes) -> None:
        pass

    def abort(self) -> None:
        self.is_aborted = True

    def is_closing(self) -> bool:
        return self.is_aborted

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class _Pool:
    def give_back(self, _: Connection) -> None:
        pass

    def lost(self, _: Connection) -> None:
        pass


async def _read(pieces: list[bytes], method: str, has_end: bool) -> tuple[Any, bool]:
    """What becomes of a reply that comes in these pieces: it or its error, and whether the connection may be used again."""
    transport = _Transport()
    connection = Connection(_Pool(), 5.0)
    connection.connection_made(transport)
    reply = connection.ask(b"", None, is_head=method == "HEAD")
    for piece in pieces:
        if not transport.is_aborted:
            connection.data_received(piece)
    if has_end and not transport.is_aborted:
        connection.eof_received()
    is_usable = connection.is_usable
    connection.connection_lost(None)
    try:
        await reply.started
        return (reply.status, reply.headers, await reply.whole()), is_usable
    except UpstreamError as error:
        return (type(error), getattr(error, "has_begun", None)), is_usable


def _cut(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(content) + 1) for cut in cuts} | {0, len(content)})
    return [content[start:end] for start, end in pairwise(places)]


@st.composite
def _replies(draw: st.DrawFn) -> tuple[bytes, bytes, str]:
    """A valid reply, its body and its framing."""
    framing = draw(st.sampled_from(["length", "chunked", "end"]))
    body = draw(st.binary(max_size=200) | st.just(b"long" * (WHOLE_BYTES // 4 + 1)))
    headers = b"".join(b"%b: %b\r\n" % pair for pair in draw(st.lists(st.tuples(_NAMES, _VALUES), max_size=4)))
    start = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"])) + b"HTTP/1.1 201 Created\r\n" + headers
    start += draw(_CONNECTION)
    if framing == "length":
        return start + b"Content-Length: %d\r\n\r\n%b" % (len(body), body), body, framing
    if framing == "end":
        return start + b"\r\n" + body, body, framing
    parts = _cut(body, draw(st.lists(st.integers(0, 1_000), max_size=3))) if body else []
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part)
    return start + b"Transfer-Encoding: Chunked\r\n\r\n%b0\r\n\r\n" % chunks, body, framing


_CUTS = st.lists(st.integers(0, 2**32), max_size=12)


@given(_replies(), _EXCESS, _CUTS)
def test_any_split_of_a_reply_gives_the_same_reply(
    made: tuple[bytes, bytes, str], excess: bytes, cuts: list[int]
) -> None:
    content, body, framing = made
    wanted = body + excess if framing == "end" else body
    whole = asyncio.run(_read([content + excess], "GET", framing == "end"))
    (status, headers, received), is_usable = asyncio.run(_read(_cut(content + excess, cuts), "GET", framing == "end"))
    assert ((status, headers, received), is_usable) == whole
    assert (status, received) == (201, wanted)
    if excess or framing == "end":
        assert not is_usable


@given(
    _replies(), _CUTS, st.integers(0, 2**32), st.binary(max_size=3), st.integers(0, 3), st.sampled_from(["GET", "HEAD"])
)
def test_any_split_of_what_may_be_no_reply_gives_the_same_refusal(
    made: tuple[bytes, bytes, str], cuts: list[int], place: int, put: bytes, taken: int, method: str
) -> None:
    content = made[0][:2_000]
    place %= len(content)
    spoilt = content[:place] + put + content[place + taken :]
    assert asyncio.run(_read(_cut(spoilt, cuts), method, False)) == asyncio.run(_read([spoilt], method, False))


@given(_replies(), st.integers(0, 2**32))
def test_no_beginning_of_a_reply_is_taken_for_the_whole(made: tuple[bytes, bytes, str], place: int) -> None:
    content, _, framing = made
    outcome, is_usable = asyncio.run(_read([content[: place % len(content)]], "GET", False))
    assert issubclass(outcome[0], UpstreamError)
    assert framing != "end" or not is_usable
