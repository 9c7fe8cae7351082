"""Simulated exams with known copiers.

Items: the nominal response model. Of the options the first is right; its slope is lognormal(−0.1, 0.35) (median 0.9), the wrong ones' are
normal(−0.3, 0.35), so that some mistakes are those of the able; intercepts are normal(2.4, 0.7) for the right and normal(0, 0.7) for the wrong options:
popular distractors, mean score near 72 % of the items with four options. Options are centred per item.

Candidates: rooms of nine; ability is √0.3 × the room's + √0.7 × one's own standard normal, so that neighbours are alike in ability. With `beliefs` > 0 each
class of three rooms also shares misconceptions: its intercepts of wrong options are moved by normal(0, beliefs), which no model here knows.

Times: each candidate has a shuffled order of items, starts within four minutes of the room, and takes lognormal seconds: item's time × own speed × 0.45
spread, median 60 s.

Copying: a copier takes the source's option on a random share of the items, after the source's first answer to it: 5–40 s after it (`hasty`), or 2–25
minutes after it. All other items are the copier's own, and the true share counts copied items that would have agreed anyway. Sources are honest and
sit in the same room, but for the `far` pairs, who sit in different rooms; a ring is one source with three copiers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from services.proctoring.collusion.arrays import Floats, Options, Truths, Whole
from services.proctoring.collusion.families import pair_codes
from services.proctoring.collusion.options import OptionModel

ROOM = 9
_CLASS_ROOMS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What exam to simulate. `share` of items are copied by the copiers of `pairs` pairs, `rings` rings (three copiers each) and `far` pairs."""

    candidates: int = 1000
    items: int = 40
    options: int = 4
    share: float = 0.4
    pairs: int = 20
    rings: int = 4
    far: int = 10
    hasty: bool = False
    beliefs: float = 0.0


@dataclass(frozen=True, slots=True)
class SimulatedExam:
    """`chosen` (candidates, items), `answered_at` and `seconds` alike; `neighbours` (pairs, 2): the plausible family; `copied` (pairs, 2): copier, source.

    `guilty` says of each of `neighbours` whether one of it copied from the other; `tainted` whether both copied from one third.
    """

    chosen: Options
    answered_at: Floats
    seconds: Floats
    truth: OptionModel
    abilities: Floats
    rooms: Whole
    neighbours: Whole
    copied: Whole
    guilty: Truths
    tainted: Truths

    def is_innocent(self, pairs: Whole) -> Truths:
        """Of unordered pairs (pairs, 2): neither copied from the other, nor both from one third."""
        candidates = len(self.chosen)
        bad = np.concatenate([self.copied, _siblings(self.copied)])
        return ~np.isin(pair_codes(pairs, candidates), pair_codes(bad, candidates))


def simulate(plan: Plan, random: Generator) -> SimulatedExam:
    """One exam."""
    truth = _items(plan, random)
    rooms = np.arange(plan.candidates) // ROOM
    last_room = int(rooms[-1]) + 1
    abilities = np.sqrt(0.3) * random.normal(size=last_room)[rooms] + np.sqrt(0.7) * random.normal(size=plan.candidates)
    logits = truth.slopes * abilities[:, None, None] + truth.intercepts
    if plan.beliefs:
        moved = plan.beliefs * random.normal(size=(last_room // _CLASS_ROOMS + 1, plan.items, plan.options))
        moved[:, :, 0] = 0
        logits += moved[rooms // _CLASS_ROOMS]
    gumbel = random.gumbel(size=logits.shape)
    chosen = (logits + gumbel).argmax(axis=2).astype(np.int8)

    speed = np.exp(0.25 * random.normal(size=(plan.candidates, 1)))
    item_seconds = 60 * np.exp(0.35 * random.normal(size=plan.items))
    seconds = item_seconds * speed * np.exp(0.45 * random.normal(size=(plan.candidates, plan.items)))
    starts = random.uniform(0, 240, plan.candidates)
    order = np.argsort(random.random((plan.candidates, plan.items)), axis=1)
    answered_at = _times(order, seconds, starts)

    copied = _who_copies(plan, rooms, random)
    for copier, source in copied:
        taken = random.choice(plan.items, round(plan.share * plan.items), replace=False)
        chosen[copier, taken] = chosen[source, taken]
        wait = random.uniform(5, 40, len(taken)) if plan.hasty else random.uniform(120, 1500, len(taken))
        own = np.setdiff1d(order[copier], taken)
        own = own[np.argsort(random.random(len(own)))]
        answered_at[copier, own] = starts[copier] + np.cumsum(seconds[copier, own])
        answered_at[copier, taken] = answered_at[source, taken] + wait
        by_time = np.argsort(answered_at[copier])
        seconds[copier, by_time] = np.diff(answered_at[copier, by_time], prepend=starts[copier])
    seconds = np.maximum(seconds, 1.0)

    neighbours = _neighbours(rooms)
    codes = pair_codes(neighbours, plan.candidates)
    return SimulatedExam(
        chosen,
        answered_at,
        seconds,
        truth,
        abilities,
        rooms,
        neighbours,
        copied,
        np.isin(codes, pair_codes(copied, plan.candidates)),
        np.isin(codes, pair_codes(_siblings(copied), plan.candidates)),
    )


def _items(plan: Plan, random: Generator) -> OptionModel:
    shape = (plan.items, plan.options)
    slopes = random.normal(-0.3, 0.35, shape)
    slopes[:, 0] = random.lognormal(-0.1, 0.35, plan.items)
    intercepts = random.normal(0, 0.7, shape)
    intercepts[:, 0] += 2.4
    centred = [each - each.mean(axis=1, keepdims=True) for each in (slopes, intercepts)]
    return OptionModel(centred[0], centred[1], np.ones(shape, np.bool_))


def _times(order: Whole, seconds: Floats, starts: Floats) -> Floats:
    at = np.empty_like(seconds)
    np.put_along_axis(
        at, order, starts[:, None] + np.cumsum(np.take_along_axis(seconds, order, axis=1), axis=1), axis=1
    )
    return at


def _who_copies(plan: Plan, rooms: Whole, random: Generator) -> Whole:
    """Each pair and each ring in a full room of its own, each far pair in two others."""
    full = np.flatnonzero(np.bincount(rooms) == ROOM)
    used = random.permutation(full)[: plan.pairs + plan.rings]
    copied: list[tuple[int, int]] = []
    for place, room in enumerate(used):
        seats = room * ROOM + random.permutation(ROOM)
        copiers = 1 if place < plan.pairs else 3
        copied.extend((copier, seats[0]) for copier in seats[1 : 1 + copiers])
    unused = random.permutation(np.setdiff1d(full, used))[: 2 * plan.far] * ROOM
    copied.extend(zip(unused[::2], unused[1::2], strict=True))
    return np.array(copied, np.int64).reshape(-1, 2)


def _siblings(copied: Whole) -> Whole:
    pairs = [(a, b) for a, s in copied for b, t in copied if s == t and a < b]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _neighbours(rooms: Whole) -> Whole:
    pairs = [(a, b) for a in range(len(rooms)) for b in range(a + 1, min(len(rooms), a + ROOM)) if rooms[a] == rooms[b]]
    return np.array(pairs, np.int64).reshape(-1, 2)
