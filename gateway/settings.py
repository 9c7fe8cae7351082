"""What the gateway can be told by environment."""

import os
from pathlib import Path

from pydantic import Field

from chassis.settings import PREFIX, ServiceSettings

_PRIVATE_NETWORKS = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"


class Settings(ServiceSettings):
    """Settings of the gateway. The default limits let a school of 2,000 sign in and work from behind one address."""

    http_port: int = Field(8080, description="port of the entry; 0 takes a free one")

    limit_person_per_second: float = Field(50, gt=0, description="requests a second of one signed-in person, lasting")
    limit_person_burst: int = Field(200, ge=1, description="requests of one signed-in person at once")
    limit_address_per_second: float = Field(100, gt=0, description="requests a second without a token, by address")
    limit_address_burst: int = Field(500, ge=1, description="requests without a token at once, by address")
    limit_auth_per_second: float = Field(40, gt=0, description="requests a second to /api/v1/auth, by address")
    limit_auth_burst: int = Field(400, ge=1, description="requests to /api/v1/auth at once, by address")
    limit_share_milliseconds: int = Field(250, ge=50, description="how often replicas tell each other what was used")

    cors_origins: str = Field("", description="origins whose pages may call the API, comma-separated; * allows all")
    trusted_proxies: str = Field("", description="networks whose X-Forwarded-For and -Proto are believed")
    metrics_networks: str = Field(_PRIVATE_NETWORKS, description="networks that may read /metrics")

    max_body_bytes: int = Field(16 * 1024 * 1024, ge=1024, description="largest request body")
    max_header_bytes: int = Field(32 * 1024, ge=1024, description="largest request line and headers together")
    slow_headers_seconds: float = Field(20, gt=0, description="a client has this long to send a request's headers")
    slow_body_seconds: float = Field(120, gt=0, description="and this long for its body")
    slow_reader_seconds: float = Field(60, gt=0, description="a reply that the client does not read is given up")

    upstream_connections: int = Field(200, ge=1, description="connections to one service at most")
    upstream_seconds: float = Field(30, gt=0, description="a service has this long between two parts of its reply")
    upstream_hold_seconds: float = Field(3, ge=0, description="a request waits this long for a service to come back")

    hot_lanes: int = Field(3, ge=1, le=16, description="batches of saves under way at once")
    hot_batch_calls: int = Field(512, ge=1, description="saves in one batch at most")
    hot_give_up_seconds: float = Field(5, gt=0, description="a save waits this long for its service to come back")

    sockets_most: int = Field(20_000, ge=1, description="open WebSockets at most, in this process")
    sockets_per_person: int = Field(10, ge=1, description="open WebSockets of one person at most, in this process")
    sockets_waiting_per_address: int = Field(
        500, ge=1, description="WebSockets of one address at most that have not brought their token yet"
    )
    socket_authenticate_seconds: float = Field(10, gt=0, description="a WebSocket has this long to bring its token")
    socket_message_bytes: int = Field(64 * 1024, ge=1024, description="largest message of a client on a WebSocket")
    socket_messages_per_second: float = Field(10, gt=0, description="messages a second on one WebSocket, lasting")
    socket_messages_burst: int = Field(40, ge=1, description="messages on one WebSocket at once")
    socket_buffer_messages: int = Field(256, ge=1, description="messages that wait for one slow reader at most")
    socket_buffer_bytes: int = Field(
        2 * 1024 * 1024, ge=64 * 1024, description="bytes that wait for one slow reader at most"
    )
    socket_ping_seconds: float = Field(
        20, gt=0, description="how often a WebSocket is asked whether it is still there, and how long it has to answer"
    )
    socket_rights_seconds: float = Field(
        30, gt=0, description="how often it is asked whether who watches an exam on a WebSocket still may"
    )
    socket_fetches: int = Field(16, ge=1, description="feeds that are fetched for WebSockets at the same time")

    live_wait_milliseconds: int = Field(
        20,
        ge=1,
        le=5_000,
        description="the broker may let the gateway wait so long for live events when there are none; the single machine's broker always does",
    )

    openapi_file: Path = Field(
        Path(__file__).parent.parent / "docs" / "openapi.json", description="the OpenAPI document that is served"
    )

    def upstream(self, service: str) -> str:
        """host:port of a service's REST server; by default its name, as Kubernetes resolves it."""
        return os.environ.get(f"{PREFIX}{service.upper()}_HTTP") or f"{service}:8000"


def names(listed: str) -> tuple[str, ...]:
    """The entries of a comma-separated setting."""
    return tuple(entry.strip() for entry in listed.split(",") if entry.strip())
