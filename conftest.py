"""Real servers for all tests: started once a run, stopped at its end; those named by the environment are used instead."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from examhall.broker import LibrdkafkaBroker
from examhall.servers import HOST, free_port, start_postgres, start_redis

# Tests use gRPC and start servers in one process. gRPC's fork handlers start its threads anew in the child, and 26 of 300 children met them
# between fork and exec: the program that was to be started was gone before it began. Without handlers a child that only calls exec is safe.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="examhall-tests-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_url(server_folder: Path) -> Iterator[str]:
    """A PostgreSQL server where tests may make databases."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    port = free_port()
    server = start_postgres(server_folder / "postgres", port, max_connections="400")
    yield f"postgresql://postgres@{HOST}:{port}/postgres"
    server.stop()


@pytest.fixture(scope="session")
def redis_url(server_folder: Path) -> Iterator[str]:
    """A Redis server."""
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    port = free_port()
    server = start_redis(server_folder / "redis", port)
    yield f"redis://{HOST}:{port}/0"
    server.stop()


@pytest.fixture
def kafka() -> Iterator[str]:
    """A broker of the test's own (it starts in milliseconds), so that no test meets another's events or consumer groups."""
    if servers := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield servers
        return
    broker = LibrdkafkaBroker()
    yield broker.address
    broker.close()


@pytest.fixture
def next_kafka() -> Iterator[str]:
    """The broker that comes after `kafka` when that has lost everything."""
    broker = LibrdkafkaBroker()
    yield broker.address
    broker.close()
