"""From an act in a browser to the alert on a proctor's socket, under load, over the bare broker's time from produce to consume."""

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import psutil

from benchmarks.hall import Hall
from benchmarks.results import Figure
from chassis.ids import new_id
from chassis.kafka import new_consumer, new_producer
from examhall.demo.content import ADMIN, DEMO_PASSWORD
from examhall.rehearsal.gateway import Gateway, percentile
from examhall.rehearsal.invigilation import wait_until_watched
from examhall.rehearsal.paper import demonstrated
from examhall.rehearsal.staff import Staff, side_by_side
from examhall.servers import HOST

STUDENTS = 250
RATES = (500, 2_000)  # signals a second
SIGNALS = 10  # of a batch: what a busy page has to tell after some seconds
ACTS_PER_SECOND = 10.0  # that each raise or grow an alert
SECONDS = 20.0
_WARM_SECONDS = 3.0
_LATE_SECONDS = 20.0
_PARTS = ("gateway", "proctoring", "proctoring-stream")


@dataclass(frozen=True)
class Seat:
    """A student with an open attempt of a proctored exam."""

    token: str
    attempt_id: str


@dataclass
class Acts:
    """Acts whose alerts have not come yet, by attempt, and how long the others took."""

    waiting: dict[str, deque[tuple[int, float]]] = field(default_factory=lambda: defaultdict(deque))
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    seconds: list[float] = field(default_factory=list)
    since: float = 0.0

    def act(self, attempt_id: str, at: float) -> None:
        """One more act at an attempt."""
        self.counts[attempt_id] += 1
        self.waiting[attempt_id].append((self.counts[attempt_id], at))

    def heard(self, attempt_id: str, at: float) -> None:
        """An alert of that attempt: of its oldest act that waits, since acts of one attempt lie many seconds apart."""
        if self.waiting[attempt_id]:
            _, acted_at = self.waiting[attempt_id].popleft()
            if acted_at >= self.since:
                self.seconds.append(at - acted_at)


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """Browsers at two rates, one after the other, and the broker by itself at the same rate of messages."""
    async with Gateway(hall.address) as gateway:
        staff, exam_id, seats = await _seat(gateway)
        for rate in RATES:
            acts, cpu = await _load(hall, gateway, staff, exam_id, seats, rate)
            bare = await _bare(f"{HOST}:{hall.ports()['broker']}", rate / SIGNALS)
            values, alone = sorted(acts.seconds), sorted(bare)
            if not values:
                raise RuntimeError("no alert came")
            missing = sum(map(len, acts.waiting.values()))
            behind = (
                f"p50 {percentile(values, 0.5) * 1000:.0f} ms, p99 {percentile(values, 0.99) * 1000:.0f} ms of {len(values)} alerts, {missing} missing; "
                f"broker alone p50 {percentile(alone, 0.5) * 1000:.1f} ms, p99 {percentile(alone, 0.99) * 1000:.1f} ms; CPU {cpu}"
            )
            ratio = percentile(values, 0.5) / percentile(alone, 0.5)
            yield Figure(
                f"act → alert on the socket at {rate} signals/s / broker alone", f"{ratio:.0f}", "reported", behind
            )


async def _seat(gateway: Gateway) -> tuple[Staff, str, list[Seat]]:
    staff = Staff(gateway, ADMIN.email, DEMO_PASSWORD)
    await staff.sign_in()
    class_id, students = await staff.make_students(STUDENTS, f"Alerts {time.time():.0f}")
    exam_id = await staff.make_exam("Alerts", class_id, demonstrated(), proctoring=True, violation_limit=0)
    await wait_until_watched(staff, exam_id)

    async def sit(login: str, password: str) -> Seat:
        signed = await gateway.done("log in", "POST", "/auth/login", body={"login": login, "password": password})
        token = signed["access_token"]
        attempt = await gateway.done("start", "POST", "/attempts", token=token, body={"exam_id": exam_id})
        return Seat(token, attempt["id"])

    return staff, exam_id, await side_by_side(students, lambda each: sit(each.login, each.password))


async def _load(
    hall: Hall, gateway: Gateway, staff: Staff, exam_id: str, seats: Sequence[Seat], rate: int
) -> tuple[Acts, str]:
    """Batches at an even rate, whether or not replies are there; the acts, and what the parts used of one core."""
    acts = Acts()
    listening = asyncio.create_task(_listen(gateway, staff, exam_id, acts))
    sending: set[asyncio.Task[None]] = set()
    batches = rate / SIGNALS
    acting_each = max(1, round(batches / ACTS_PER_SECOND))
    began = time.perf_counter()
    acts.since = began + _WARM_SECONDS
    used = _cpu_seconds(hall)
    for number in range(int(batches * (_WARM_SECONDS + SECONDS))):
        due = began + number / batches
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        is_acting = number % acting_each == 0
        # Each student acts once at each rate: a growing alert is told when it has doubled, so the first and the second act are.
        seat = seats[(number // acting_each if is_acting else number) % len(seats)]
        if is_acting:
            acts.act(seat.attempt_id, due)
        task = asyncio.create_task(_send(gateway, seat, is_acting))
        sending.add(task)
        task.add_done_callback(sending.discard)
    elapsed = time.perf_counter() - began
    cpu = ", ".join(f"{name} {(after - used[name]) / elapsed:.2f}" for name, after in _cpu_seconds(hall).items())
    await asyncio.gather(*sending)
    give_up_at = time.perf_counter() + _LATE_SECONDS
    while any(acts.waiting.values()) and time.perf_counter() < give_up_at:  # noqa: ASYNC110, what is waited for comes from another process
        await asyncio.sleep(0.1)
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening
    return acts, cpu


async def _send(gateway: Gateway, seat: Seat, is_acting: bool) -> None:
    now = datetime.now(UTC).isoformat()
    sums = {"moving_milliseconds": 200, "distance_pixels": 900, "turns": 3, "clicks": 1, "window_milliseconds": 500}
    signals = [{"kind": "mouse", "at": now, **sums} for _ in range(SIGNALS - is_acting)]
    if is_acting:
        signals.append({"kind": "devtools_open", "at": now})
    body = {"batch_id": str(new_id()), "sent_at": now, "signals": signals}
    path = f"/proctoring/attempts/{seat.attempt_id}/signals"
    await gateway.done("report signals", "POST", path, token=seat.token, body=body)


async def _listen(gateway: Gateway, staff: Staff, exam_id: str, acts: Acts) -> None:
    cursor = (await staff.done("GET", f"/proctoring/exams/{exam_id}/board"))["cursor"]
    async with gateway.socket(f"/ws/exams/{exam_id}/monitor") as socket:
        await socket.send_json({"type": "authenticate", "token": staff.token, "after": cursor})
        async for message in socket:
            arrived_at = time.perf_counter()
            if message.type is not aiohttp.WSMsgType.TEXT or '"devtools_open"' not in message.data:
                continue
            told = json.loads(message.data)
            if told["type"] == "alert" and told["alert"]["kind"] == "devtools_open":
                acts.heard(told["alert"]["attempt_id"], arrived_at)


def _cpu_seconds(hall: Hall) -> dict[str, float]:
    """User and system time of the parts so far."""
    return {name: sum(psutil.Process(hall.pid(name)).cpu_times()[:2]) for name in _PARTS}


async def _bare(broker: str, rate: float) -> list[float]:
    """Seconds from produce to consume of small messages at that rate, with nothing else going on."""
    topic = f"bench.alerts{rate:.0f}.v1"  # of its own: another rate's messages would be read with it, and old by then
    producer, consumer = new_producer(broker), new_consumer(broker, [topic], f"bench-alerts-{rate:.0f}")
    await producer.start()
    await producer.send_and_wait(topic, b"0", key=b"up")
    await consumer.start()
    await consumer.getmany(timeout_ms=2000)
    seconds: list[float] = []

    async def consume() -> None:
        async for record in consumer:
            seconds.append(time.perf_counter() - float(record.value))

    consuming = asyncio.create_task(consume())
    began, count = time.perf_counter(), int(rate * SECONDS / 4)
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        await producer.send(topic, f"{time.perf_counter()}".encode(), key=str(number).encode())
    give_up_at = time.perf_counter() + _LATE_SECONDS
    while len(seconds) < count and time.perf_counter() < give_up_at:  # noqa: ASYNC110, what is waited for comes from another process
        await asyncio.sleep(0.1)
    consuming.cancel()
    with suppress(asyncio.CancelledError):
        await consuming
    await consumer.stop()
    await producer.stop()
    return seconds
