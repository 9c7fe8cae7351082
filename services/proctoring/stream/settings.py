"""What the stream can be told by environment."""

from pydantic import Field

from chassis.settings import ServiceSettings


class StreamSettings(ServiceSettings):
    """The settings of a worker of the stream. It uses no database and no Redis, whatever the environment names."""

    stream_commit_milliseconds: int = Field(
        250, ge=10, description="how often a worker of the stream commits what it has taken in"
    )
    stream_wait_milliseconds: int = Field(
        25,
        ge=1,
        le=5_000,
        description="the broker may let a worker of the stream wait so long for events when there are none; the single machine's always does",
    )
    stream_batch: int = Field(
        200, ge=1, le=2_000, description="events that a worker of the stream takes together at most, when many wait"
    )
    stream_tick_milliseconds: int = Field(
        100, ge=10, description="how often the search for collusion goes on with what has come in"
    )
    stream_kept_hours: int = Field(
        48, ge=1, description="the stream forgets an attempt or exam when so long nothing has happened after its end"
    )
    stream_stop_seconds: float = Field(
        20.0, gt=0, description="a worker of the stream that has not stopped by then is ended; nothing is lost by it"
    )
