"""Saves as the gateway sends them, without the gateway: batches over gRPC (`python -m benchmarks.batches < plan.json`)."""

import asyncio
import json
import sys
import time
from typing import Any

import grpc
import uvloop

from chassis.rpc import CREDENTIAL
from proto.examhall.chassis.v1.hot_pb2 import HotBatch, HotCall
from proto.examhall.chassis.v1.hot_pb2_grpc import HotRoutesStub

LANES = 3


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Keeps three batches under way, each with a save of every client; gives saves a second and statuses."""
    statuses: dict[str, int] = {}
    began = time.perf_counter()
    ends_at = began + plan["seconds"]
    revision = plan["revision"]
    async with grpc.aio.insecure_channel(f"{plan['host']}:{plan['port']}") as channel:
        handle = HotRoutesStub(channel).Handle
        metadata = ((CREDENTIAL, plan["secret"]),)

        async def lane() -> None:
            nonlocal revision
            while time.perf_counter() < ends_at:
                revision += 1
                batch = HotBatch(calls=[_call(client, revision) for client in plan["clients"]])
                for reply in (await handle(batch, metadata=metadata)).replies:
                    statuses[str(reply.status)] = statuses.get(str(reply.status), 0) + 1

        await asyncio.gather(*(lane() for _ in range(LANES)))
    return {"per_second": sum(statuses.values()) / (time.perf_counter() - began), "statuses": statuses}


def _call(client: dict[str, str], revision: int) -> HotCall:
    return HotCall(
        method=client["method"],
        path=client["path"],
        token=client["token"],
        body=(client["body"] % revision).encode(),
        client_address="127.0.0.1",
    )


if __name__ == "__main__":
    uvloop.install()
    sys.stdout.write(json.dumps(asyncio.run(run(json.load(sys.stdin)))))
