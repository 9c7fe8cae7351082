"""What a watch over a running exam costs: from a deciding answer to its telling, at several rates, and the close of a large exam."""

import asyncio
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmarks.collusion.generator import Plan, SimulatedExam, simulate
from benchmarks.collusion.heard import EXAM, OPENED_MS, Heard, answers, seat, watched
from benchmarks.results import Figure
from proto.examhall.proctoring.v1 import events_pb2 as told
from proto.examhall.proctoring.v1 import exams_pb2 as exams
from services.proctoring.collusion.arrays import one_hot
from services.proctoring.collusion.families import pair_codes
from services.proctoring.evidence import moment
from services.proctoring.exam_watch import ExamWatch

RATES = (20, 100, 500)
_ROUND_SECONDS = 0.1


@dataclass
class Measured:
    """Seconds: `put` an event, `rounds` a call of `advance`, `gaps` by which another task of the loop was kept waiting, `told` from the newest answer of the
    copier to the first telling of a pair; `busy` of the processor in all."""

    put: list[float] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    told: dict[tuple[str, str], float] = field(default_factory=dict)
    busy: float = 0.0


def measure(seed: int, seconds: float, large: int) -> Iterator[Figure]:
    """`seconds` of each rate in real time; `large`: the candidates of the large exam, of 60 items."""
    exam = simulate(Plan(share=0.9, pairs=60, rings=0, far=0), np.random.default_rng(seed))
    product = bare_product(exam)
    for rate in RATES:
        yield from asyncio.run(_at_rate(exam, rate, seconds, product))
    yield from asyncio.run(_close(seed, large))


async def _at_rate(exam: SimulatedExam, rate: int, seconds: float, product: float) -> list[Figure]:
    """Most of the exam is caught up with first; then answers arrive at this rate, as saves do that one commit holds together."""
    events = list(answers(exam, together=max(1, rate // 20)))
    per_round = rate * _ROUND_SECONDS / max(1, rate // 20)
    live = int(min(len(events) * 0.6, seconds / _ROUND_SECONDS * per_round))
    watch = ExamWatch(EXAM)
    for event, at in [*_beginning(exam), *events[: len(events) - live]]:
        watch.put(event, moment(at))
    begun = time.perf_counter()
    while not watch.is_settled:
        await watch.advance(time.monotonic())
        await asyncio.sleep(0.02)
    caught_up = time.perf_counter() - begun
    measured = await _play(watch, events[len(events) - live :], per_round)
    watch.abandon()
    work = measured.busy / live
    busy = measured.busy / (live / per_round * _ROUND_SECONDS)
    late = np.quantile(measured.rounds, 0.99)
    delays = np.array(list(measured.told.values()))
    median, slowest = np.quantile(delays, [0.5, 1.0]) * 1e3 if len(delays) else (float("nan"), float("nan"))
    name = f"{rate} answers a second, 1,000 candidates × 40 items"
    return [
        Figure(
            f"deciding answer to telling, {name}",
            f"{median:.0f} ms",
            "within 1 s",
            f"slowest {slowest:.0f} ms of {len(delays)} pairs newly told; 250 ms of it held back",
        ),
        Figure(
            f"CPU an event over the bare matrix product, {name}",
            f"{work / product:.2f}",
            "a fraction",
            f"{work * 1e3:.1f} ms an event of {max(1, rate // 20)} answers, {busy:.0%} of a core; the product of all pairs {product * 1e3:.1f} ms",
        ),
        Figure(
            f"the loop is kept waiting, {name}",
            f"{max(measured.gaps) * 1e3:.0f} ms at most",
            "about 50 ms",
            f"p99 {np.quantile(measured.gaps, 0.99) * 1e3:.1f} ms; advance p99 {late * 1e3:.1f} ms; put {np.median(measured.put) * 1e6:.0f} µs an event; all"
            f" {len(events) - live:,} events before computed anew in {caught_up:.1f} s",
        ),
    ]


async def _play(watch: ExamWatch, events: list[Heard], per_round: float) -> Measured:
    measured, put_at = Measured(), {}
    watcher = asyncio.create_task(_watch_the_loop(measured.gaps))
    cpu, begun, sent, number = time.process_time(), time.monotonic(), 0, 0
    while sent < len(events) or not watch.is_settled:
        number += 1
        for event, at in events[sent : int(number * per_round)]:
            start = time.perf_counter()
            watch.put(event, moment(at))
            measured.put.append(time.perf_counter() - start)
            put_at.update({part.attempt_id: time.monotonic() for part in event.attempts})
        sent = min(len(events), int(number * per_round))
        start = time.perf_counter()
        tellings = await watch.advance(time.monotonic())
        measured.rounds.append(time.perf_counter() - start)
        for telling in tellings:
            if isinstance(telling.message, told.PairAssessed):
                pair = telling.message.copier_attempt_id, telling.message.source_attempt_id
                # Told for the first time: it was decided by the copier's newest answer that was let through.
                if sent < len(events) and pair not in measured.told and pair[0] in put_at:
                    measured.told[pair] = time.monotonic() - put_at[pair[0]]
        if sent >= len(events):
            break
        await asyncio.sleep(max(0.0, begun + number * _ROUND_SECONDS - time.monotonic()))
    measured.busy = time.process_time() - cpu
    watcher.cancel()
    return measured


async def _watch_the_loop(gaps: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        gaps.append(time.perf_counter() - before - 0.005)


async def _close(seed: int, candidates: int) -> list[Figure]:
    exam = simulate(Plan(candidates=candidates, items=60, share=0.9), np.random.default_rng(seed))
    product = bare_product(exam)
    watch = ExamWatch(EXAM)
    for event, at in [*_beginning(exam), *answers(exam, together=100)]:
        watch.put(event, moment(at))
    request = exams.CollusionRequested(exam_id=EXAM, request_id="close", is_final=True, exam_revision=1)
    watch.put(request, moment(OPENED_MS))
    gaps: list[float] = []
    watcher = asyncio.create_task(_watch_the_loop(gaps))
    begun, flagged = time.perf_counter(), set()
    while not watch.is_settled:
        for telling in await watch.advance(time.monotonic()):
            if isinstance(telling.message, told.PairAssessed) and telling.message.verdict == "flagged":
                flagged.add((telling.message.copier_attempt_id, telling.message.source_attempt_id))
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - begun
    watcher.cancel()
    shown = np.array(sorted({tuple(sorted((int(one), int(other)))) for one, other in flagged}), np.int64).reshape(-1, 2)
    found = np.isin(pair_codes(exam.copied, candidates), pair_codes(shown, candidates))
    wrong = int(exam.is_innocent(shown).sum())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        Figure(
            "restart and close of a large exam over the bare matrix product",
            f"{seconds / product:.0f}",
            "bounded",
            f"{seconds:.0f} s for all answers computed anew and concluded, {product:.2f} s the product; {candidates:,} candidates × 60 items; "
            f"{int(found.sum())} of {len(found)} copying pairs flagged, {wrong} innocent ones; loop kept waiting {max(gaps) * 1e3:.0f} ms at most",
        ),
        Figure("most memory of the process", f"{peak:.0f} MB", "bounded", "with the events and the simulation"),
    ]


def bare_product(exam: SimulatedExam) -> float:
    """Seconds for the matches of all pairs as one product: the cheapest way to look at every pair once."""
    held = one_hot(exam.chosen, exam.truth.offered.shape[1]).astype(np.float32)
    rows = max(1, 20_000_000 // len(held))
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        for start in range(0, len(held), rows):
            held[start : start + rows] @ held.T
        taken.append(time.perf_counter() - begun)
    return min(taken)


def _beginning(exam: SimulatedExam) -> Iterator[Heard]:
    yield watched(exam)
    for candidate, room in enumerate(exam.rooms.tolist()):
        yield seat(candidate, OPENED_MS, centre=f"room {room}")
