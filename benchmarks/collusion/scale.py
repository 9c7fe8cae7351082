"""`python -m benchmarks.collusion.scale [candidates …]`: a watch fed as a worker of the stream feeds it, in exams of 1,000, 3,000 and 10,000 × 60 items.

Each exam in a process of its own, so that memory is its own: first most of the exam as fast as it can be taken in, then answers at a pace (`--rate`,
`--seconds`), then the close. Candidates sit in rooms of nine, three rooms to a network, twenty to a centre; rooms themselves are not told.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import uvloop
from google.protobuf.message import Message
from threadpoolctl import threadpool_limits

from benchmarks.collusion.generator import Plan, SimulatedExam, simulate
from benchmarks.collusion.heard import EXAM, OPENED_MS, Heard, answers, seat, watched
from benchmarks.results import Figure, table
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import events_pb2 as told
from proto.examhall.proctoring.v1 import exams_pb2 as exams
from services.proctoring.collusion.evidence import SHARES
from services.proctoring.collusion.families import pair_codes
from services.proctoring.evidence import moment
from services.proctoring.exam_watch import ExamWatch
from services.proctoring.stream.durable import BATCH_BYTES
from services.proctoring.telling import Telling

SIZES = (1_000, 3_000, 10_000)
ITEMS = 60
SEED = 20_240_501
FILE = Path(__file__).with_name("scale.md")
_COMMITS_A_SECOND = 20
_TICK_SECONDS = 0.1
_LOOK_SECONDS = 0.002
_NETWORK_ROOMS, _CENTRE_ROOMS = 3, 20
_SUBMITS_AFTER_MS = 20_000


@dataclass
class Phase:
    """What is seen while the watch does one thing: seconds by which another task of the loop was kept waiting, and of these at most what the process itself
    computed; seconds, those of a core, and answers in all."""

    gaps: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0
    answers: int = 0


def main() -> None:
    """Prints the figures, and writes scale.md beside this file when all sizes are measured."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("candidates", nargs="*", type=int)
    arguments.add_argument("--rate", type=int, default=500, help="answers a second while the exam runs")
    arguments.add_argument("--seconds", type=int, default=30, help="how long")
    chosen = arguments.parse_args()
    figures: list[Figure] = []
    for size in chosen.candidates or SIZES:
        for figure in asyncio.run(_measured_apart(size, chosen.rate, chosen.seconds)):
            sys.stdout.write(figure.line() + "\n")
            sys.stdout.flush()
            figures.append(figure)
    if not chosen.candidates:
        introduction = f"# A watch over a running exam, at scale\n\n{_about(chosen.rate, chosen.seconds)}\n\n"
        FILE.write_text(introduction + table(figures))


async def _measured_apart(candidates: int, rate: int, seconds: int) -> list[Figure]:
    """In a process that does nothing else. How long the idle loop of this one waits for its turn says how busy the machine is."""
    gaps: list[float] = []
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        looking = asyncio.create_task(_look(gaps, []))
        figures = await asyncio.get_running_loop().run_in_executor(process, measured, candidates, rate, seconds)
        looking.cancel()
    idle = f"{max(gaps) * 1e3:.0f} ms at most"
    behind = f"p99 {np.quantile(gaps, 0.99) * 1e3:.0f} ms, p99.9 {np.quantile(gaps, 0.999) * 1e3:.0f} ms"
    return [
        *figures,
        Figure(f"an idle loop in another process, beside {candidates:,} × {ITEMS}", idle, "nothing", behind),
    ]


def measured(candidates: int, rate: int, seconds: int) -> list[Figure]:
    """The figures of one exam of this size."""
    plan = Plan(candidates=candidates, items=ITEMS, share=0.6, pairs=candidates // 40, rings=candidates // 200)
    exam = simulate(plan, np.random.default_rng(SEED))
    row = bare_row()
    events = [(heard.at_ms, type(heard.message), heard.message.SerializeToString()) for heard in _heard(exam, rate)]
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    live = rate * seconds
    with threadpool_limits(1, "blas"), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sitting = Sitting(events, exam.chosen.size - live, rate)
        runner.run(sitting.sit())
    return list(_figures(sitting, exam, rate, row))


class Sitting:
    """One exam under way. `rows` as the worker's table would hold them."""

    def __init__(self, events: list[tuple[int, type[Message], bytes]], caught_up_with: int, rate: int) -> None:
        self.flood, self.live, self.close = Phase(), Phase(), Phase()
        self.delays: list[float] = []
        self.flagged: set[tuple[str, str]] = set()
        self.progress: list[told.CollusionProgress] = []
        self.peak_mb = self.flood_mb = 0.0
        self._events, self._caught_up_with, self._rate = events, caught_up_with, rate
        self._watch = ExamWatch(EXAM)
        self._rows: dict[str, bytes] = {}
        self._put_at: dict[str, float] = {}
        self._seen: set[tuple[str, str]] = set()
        self._next, self._is_live, self._is_concluded = 0, False, False

    async def sit(self) -> None:
        """The three phases, one after the other."""
        before = _reset_peak()
        async with asyncio.TaskGroup() as together:
            ticking = together.create_task(self._tick())
            await _under(self.flood, self._catch_up())
            self.flood_mb = _memory("VmHWM") - before
            await _under(self.live, self._keep_pace())
            await _under(self.close, self._conclude())
            self.peak_mb = _memory("VmHWM") - before
            ticking.cancel()

    async def _catch_up(self) -> None:
        """As a worker that finds a backlog: as many events together as it takes, the others let in between."""
        size = 0
        while self.flood.answers < self._caught_up_with:
            size += len(self._events[self._next][2])
            self.flood.answers += self._put_next()
            if size >= BATCH_BYTES:
                size = 0
                await asyncio.sleep(0)
        while not self._watch.is_settled:  # noqa: ASYNC110, as a worker looks
            await asyncio.sleep(_TICK_SECONDS)

    async def _keep_pace(self) -> None:
        self._is_live, begun, commit = True, time.monotonic(), 0
        while self._next < len(self._events):
            while self._next < len(self._events) and self.live.answers < commit * self._rate / _COMMITS_A_SECOND:
                self.live.answers += self._put_next()
            commit += 1
            await asyncio.sleep(max(0.0, begun + commit / _COMMITS_A_SECOND - time.monotonic()))
        self._is_live = False

    async def _conclude(self) -> None:
        self._put(exams.CollusionRequested(exam_id=EXAM, request_id="close", is_final=True, exam_revision=1), OPENED_MS)
        while not (self._is_concluded and self._watch.is_settled):  # noqa: ASYNC110, as above
            await asyncio.sleep(_TICK_SECONDS)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            tellings = await self._watch.advance(time.monotonic())
            self._rows |= self._watch.unstored()
            for telling in tellings:
                self._hear(telling)

    def _hear(self, telling: Telling) -> None:
        message = telling.message
        if isinstance(message, told.PairAssessed):
            pair = message.copier_attempt_id, message.source_attempt_id
            is_flagged = message.verdict == "flagged"
            (self.flagged.add if is_flagged else self.flagged.discard)(pair)
            # Told for the first time: decided by the newest answer of one of the two, or by one just before it; else by what came in force for all.
            newest = [self._put_at[attempt] for attempt in pair if attempt in self._put_at]
            if is_flagged and self._is_live and pair not in self._seen and newest:
                self.delays.append(time.monotonic() - max(newest))
            self._seen.add(pair)
        elif isinstance(message, told.CollusionProgress):
            self.progress.append(message)
            self._is_concluded |= message.is_final

    def _put_next(self) -> int:
        at_ms, kind, raw = self._events[self._next]
        self._next += 1
        message = kind()
        message.ParseFromString(raw)
        self._put(message, at_ms)
        if not isinstance(message, attempts.AnswersSaved):
            return 0
        if self._is_live:
            self._put_at.update((part.attempt_id, time.monotonic()) for part in message.attempts)
        return sum(len(part.answers) for part in message.attempts)

    def _put(self, message: Message, at_ms: int) -> None:
        self._rows |= self._watch.put(message, moment(at_ms))


async def _under(phase: Phase, work: Coroutine[None, None, None]) -> None:
    looking = asyncio.create_task(_look(phase.gaps, phase.own))
    begun, cpu = time.perf_counter(), time.process_time()
    await work
    phase.seconds, phase.cpu = time.perf_counter() - begun, time.process_time() - cpu
    looking.cancel()


async def _look(gaps: list[float], own: list[float]) -> None:
    """On a machine that others use, a loop waits for them too: not for longer by the process' own doing than it computed meanwhile."""
    while True:
        before, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(_LOOK_SECONDS)
        gaps.append(time.perf_counter() - before - _LOOK_SECONDS)
        own.append(min(gaps[-1], time.process_time() - cpu))


def bare_row() -> float:
    """Seconds for what one answer of a thousand candidates costs at least: a row of bets on the others' answers, in numpy alone."""
    random = np.random.default_rng(SEED)
    theirs, wealth = random.integers(0, 4, 1_000).astype(np.int8), np.zeros((len(SHARES), 1_000))
    lost, won = np.log1p(-SHARES)[:, None], np.log1p(SHARES)[:, None]
    taken = []
    for option in random.integers(0, 4, 2_000).tolist():
        begun = time.perf_counter()
        wealth += lost * (theirs >= 0) + (won - lost) * (theirs == option)
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken))


def _figures(sitting: Sitting, exam: SimulatedExam, rate: int, row: float) -> Iterator[Figure]:
    candidates = len(exam.chosen)
    name = f"{candidates:,} × {ITEMS}"
    flood = sitting.flood
    each = flood.cpu / flood.answers
    yield Figure(
        f"an answer of a backlog taken in / bare row, {name}",
        f"{each / row:.1f}",
        "a few",
        f"{each * 1e6:.0f} µs of a core over {row * 1e6:.0f} µs for a row of 1,000; as it ran {flood.answers / flood.seconds:,.0f} answers/s,"
        f" {flood.seconds:.0f} s for {flood.answers:,}",
    )
    delays = np.array(sitting.delays or [np.nan])
    yield Figure(
        f"deciding answer to telling at {rate} answers/s, {name}",
        f"{np.median(delays) * 1e3:.0f} ms",
        "within 1 s",
        f"p99 {np.quantile(delays, 0.99) * 1e3:.0f} ms, slowest {delays.max() * 1e3:.0f} ms of {len(sitting.delays)} pairs newly told; 250 ms held back;"
        f" {sitting.live.cpu / sitting.live.seconds:.0%} of a core",
    )
    phases = {"backlog": sitting.flood, "at a pace": sitting.live, "close": sitting.close}
    longest = {label: max(phase.own) for label, phase in phases.items()}
    yield Figure(
        f"the loop is kept waiting by the process itself, {name}",
        f"{max(longest.values()) * 1e3:.0f} ms at most",
        "about 50 ms",
        ", ".join(
            f"{label} {longest[label] * 1e3:.0f} ms (p99.9 {np.quantile(phase.own, 0.999) * 1e3:.0f}; with all that others do"
            f" {max(phase.gaps) * 1e3:.0f})"
            for label, phase in phases.items()
        ),
    )
    shown = np.array(sorted({tuple(sorted(map(int, pair))) for pair in sitting.flagged}), np.int64).reshape(-1, 2)
    found = np.isin(pair_codes(exam.copied, candidates), pair_codes(shown, candidates))
    yield Figure(
        f"close, {name}",
        f"{sitting.close.seconds:.0f} s",
        "minutes at most",
        f"{sitting.close.cpu:.0f} s of a core; {int(found.sum())} of {len(found)} copying pairs flagged, {int(exam.is_innocent(shown).sum())} innocent ones",
    )
    yield Figure(
        f"most memory of the watch, {name}",
        f"{sitting.peak_mb:.0f} MB",
        "bounded",
        f"{sitting.flood_mb:.0f} MB while the exam runs; facts, rows, numbers and protobuf, without the worker itself",
    )


def _heard(exam: SimulatedExam, rate: int) -> list[Heard]:
    """The exam, then seats and answers in order of time."""
    events = list(answers(exam, max(1, rate // _COMMITS_A_SECOND)))
    first = exam.answered_at.argmin(axis=1)
    starts = exam.answered_at.min(axis=1) - exam.seconds[np.arange(len(exam.chosen)), first]
    for candidate, room in enumerate(exam.rooms.tolist()):
        centre, network = f"centre {room // _CENTRE_ROOMS}", room // _NETWORK_ROOMS
        address = f"10.{network // 256}.{network % 256}.{candidate % 250 + 1}"
        start = OPENED_MS + int(starts[candidate] * 1000)
        end = OPENED_MS + int(exam.answered_at[candidate].max() * 1000) + _SUBMITS_AFTER_MS
        events.append(seat(candidate, start, centre=centre, address=address))
        events.append(seat(candidate, start, centre=centre, submitted_ms=end))
    return [watched(exam), *sorted(events, key=lambda each: each.at_ms)]


def _about(rate: int, seconds: int) -> str:
    return (
        f"`python -m benchmarks.collusion.scale`, seed {SEED}, {os.cpu_count()} cores, Python {platform.python_version()}: each exam is fed to a watch as a"
        f" worker feeds it, most of it as fast as it goes, then {rate} answers a second for {seconds} s, then the close."
    )


def _reset_peak() -> float:
    """Begins the process' peak of memory anew; what it takes now, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
