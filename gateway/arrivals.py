"""What is known of a request before anybody decides about it: who calls, over what, and the ids by which it is found again."""

import random
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

Headers = list[tuple[bytes, bytes]]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:+/=-]{1,100}").fullmatch
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
_bits = random.Random().getrandbits  # noqa: S311 - ids only have to differ, not to be secret


class Arrival:
    """A request's method, decoded path, headers, client and ids. `reply_headers` collects what its reply must carry."""

    __slots__ = (
        "client",
        "headers",
        "is_secure",
        "method",
        "path",
        "reply_headers",
        "request_id",
        "sent_traceparent",
        "traceparent",
    )

    def __init__(self, scope: Any, proxies: "Proxies") -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        peer = scope["client"]
        self.client: str = peer[0] if peer else ""
        self.is_secure: bool = scope["scheme"] == "https"
        if proxies.are_configured:
            self.client, self.is_secure = proxies.origin(self.client, self.is_secure, self.headers)
        sent = self.headers.get(b"traceparent")
        self.sent_traceparent: str = sent.decode() if sent and _TRACEPARENT(sent) else ""
        self.traceparent: str = self.sent_traceparent or new_traceparent()
        request_id = self.headers.get(b"x-request-id")
        self.request_id: bytes = (
            request_id if request_id and _REQUEST_ID(request_id) else self.traceparent[3:35].encode()
        )
        self.reply_headers: Headers = [(b"x-request-id", self.request_id)]

    @property
    def trace_id(self) -> str:
        """The trace id as 32 hex digits."""
        return self.traceparent[3:35]

    @property
    def bearer(self) -> str:
        """The access token that came with the request, or nothing."""
        value = self.headers.get(b"authorization", b"")
        return value[7:].strip().decode("latin-1") if value[:7].lower() == b"bearer " else ""


def new_traceparent() -> str:
    """A W3C traceparent of a new trace that nobody records."""
    return f"00-{_bits(128) | 1:032x}-{_bits(64) | 1:016x}-00"


class Proxies:
    """The proxies in front of the gateway whose word about the client is believed."""

    def __init__(self, networks: Sequence[str]) -> None:
        self.are_configured = bool(networks)
        self.contain = members(networks)

    def origin(self, peer: str, is_secure: bool, headers: Mapping[bytes, bytes]) -> tuple[str, bool]:
        """The client's address and whether it came by https: the nearest hop that is not a proxy of ours."""
        if not self.contain(peer):
            return peer, is_secure
        hops = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
        for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
            if not is_address(hop):
                break
            peer = hop
            if not self.contain(hop):
                break
        scheme = headers.get(b"x-forwarded-proto")
        return peer, scheme == b"https" if scheme else is_secure


def members(networks: Sequence[str]) -> Any:
    """A cached test whether an address is in one of the networks."""
    parsed = [ip_network(network, strict=False) for network in networks]

    @lru_cache(4096)
    def contain(address: str) -> bool:
        return is_address(address) and any(ip_address(address) in network for network in parsed)

    return contain


@lru_cache(4096)
def is_address(text: str) -> bool:
    """Whether this is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(65_536)
def household(address: str) -> str:
    """What counts as one address: an IPv6 /64 belongs to one household, an IPv4 address is itself."""
    if ":" not in address or not is_address(address):
        return address
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed) >> 64 << 64, 64)))
