"""Whether the broker and Redis answer the gateway is told at /metrics."""

from pathlib import Path

from chassis.testing import eventually
from examhall.servers import free_port, start_redis
from gateway.tests.running import RunningGateway, a_closed_port, running_gateway


async def _lines(gateway: RunningGateway) -> set[str]:
    told = (await gateway.http.get("/metrics")).text.splitlines()
    return {line for line in told if line.startswith("examhall_dependency_up{")}


def _line(dependency: str, is_up: bool) -> str:
    return f'examhall_dependency_up{{dependency="{dependency}"}} {float(is_up)}'


async def test_a_broker_and_a_redis_that_answer_and_that_do_not_are_told(kafka: str, tmp_path: Path) -> None:
    port = free_port()
    redis = start_redis(tmp_path, port)

    async def are_told(gateway: RunningGateway, *lines: str) -> bool:
        return set(lines) <= await _lines(gateway)

    try:
        async with running_gateway(kafka_bootstrap_servers=kafka, redis_url=f"redis://127.0.0.1:{port}/0") as gateway:
            await eventually(lambda: are_told(gateway, _line("kafka", True), _line("redis", True)))
            redis.stop()
            await eventually(lambda: are_told(gateway, _line("kafka", True), _line("redis", False)))
    finally:
        redis.stop()
    async with running_gateway(kafka_bootstrap_servers=f"127.0.0.1:{a_closed_port()}") as gateway:
        await eventually(lambda: are_told(gateway, _line("kafka", False)))
