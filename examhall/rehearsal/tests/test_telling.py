"""What a browser under watch does with what it kept: sends at once what can't wait, keeps while offline, stops when the attempt is over."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chassis.testing import eventually
from examhall.rehearsal import telling
from examhall.rehearsal.acts import ClickRight, Leave, OpenTools, Paste
from examhall.rehearsal.browser import Page, style_of
from examhall.rehearsal.gateway import Reply, Unreachable
from examhall.rehearsal.ledger import Acted, Ledger, NotTaken, Reported, Surprised, Taken, read
from examhall.rehearsal.observed import observations
from examhall.rehearsal.telling import Batch, Telling


@dataclass
class Institution:
    """Takes batches, or answers as a test says."""

    ledger: Path
    answers: list[Reply | Exception] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)

    async def take(self, make: Batch) -> Reply:
        """A batch comes."""
        answer = self.answers.pop(0) if self.answers else Reply(200, {"number": len(self.batches) + 1})
        if isinstance(answer, Exception):
            raise answer
        if answer.is_success:
            self.batches.append(make())
        return answer

    def kinds(self) -> list[str]:
        """What was told, but for sums."""
        return [
            each["kind"]
            for batch in self.batches
            for each in batch["signals"]
            if each["kind"] not in ("mouse", "keystrokes")
        ]


@dataclass
class Ana:
    """Ana's browser, its institution, and its ledger."""

    institution: Institution
    browser: Telling

    def entries(self, kind: type) -> list[Any]:
        """What was written down of a kind."""
        return [entry for entry in read(self.institution.ledger) if isinstance(entry, kind)]


@pytest.fixture
async def ana(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ana]:
    monkeypatch.setattr(telling, "_ACTS_APART_SECONDS", 0.05)
    monkeypatch.setattr(telling, "_SECONDS_APART", 0.1)
    monkeypatch.setattr(telling, "_BROWSERS_SECONDS", 0.1)
    institution = Institution(tmp_path / "ledger.jsonl")
    with Ledger(institution.ledger) as ledger:
        page = Page(style_of("ana"), Random(1), datetime.now(UTC))
        browser = Telling("ana", "a1", page, ledger, institution.take)
        running = asyncio.create_task(browser.run())
        yield Ana(institution, browser)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_acts_are_told_at_once_and_written_down(ana: Ana):
    for act in (Leave(9_000), Paste(40), ClickRight(), OpenTools()):
        await ana.browser.do(act)
    told = ["tab_switch", "focus_lost", "focus_regained", "paste_attempt", "right_click", "devtools_open"]
    await eventually(lambda: ana.institution.kinds() == told)
    signals = [each for batch in ana.institution.batches for each in batch["signals"]]
    assert next(each for each in signals if each["kind"] == "focus_regained")["away_milliseconds"] == 9_000
    assert next(each for each in signals if each["kind"] == "paste_attempt")["characters"] == 40
    acted = [act.what for act in ana.entries(Acted)]
    assert acted == ["tab_switch", "paste_attempt", "right_click", "devtools_open"]
    found = observations(read(ana.institution.ledger)).browsers["a1"]
    assert found.moment_of("tab_switch") is not None
    assert found.moment_of("tab_switch", 2) is None


async def test_acts_are_so_far_apart_that_they_do_not_pass_for_one(ana: Ana, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(telling, "_ACTS_APART_SECONDS", 0.2)
    await ana.browser.do(OpenTools())
    await ana.browser.do(OpenTools())
    first, second = ana.entries(Acted)
    assert second.at - first.at >= 0.2


async def test_sums_are_told_every_few_seconds_and_every_batch_is_written_down_before_and_after(ana: Ana):
    await eventually(lambda: len(ana.institution.batches) >= 3)
    sent = {entry.batch_id: entry for entry in ana.entries(Reported)}
    for entry, batch in zip(ana.entries(Taken), ana.institution.batches, strict=False):
        assert entry.batch_id == batch["batch_id"]
        assert sent[entry.batch_id].signals == batch["signals"]


async def test_what_happens_offline_is_kept_and_told_afterwards(ana: Ana):
    ana.browser.is_offline = True
    await ana.browser.do(OpenTools())
    await asyncio.sleep(0.3)
    assert ana.institution.batches == []
    ana.browser.is_offline = False
    await eventually(lambda: ana.institution.kinds() == ["devtools_open"])


async def test_nothing_is_told_any_more_once_the_attempt_is_over(ana: Ana):
    ana.institution.answers.append(Reply(409, {"type": "https://examhall.invalid/problems/attempt-closed"}))
    await ana.browser.do(OpenTools())
    await eventually(lambda: ana.browser.is_over)
    assert [entry.problem for entry in ana.entries(NotTaken)] == ["attempt-closed"]
    await ana.browser.finish()
    assert ana.institution.batches == []


@pytest.mark.parametrize(
    "answer", [Reply(422, {"type": "x/invalid-input", "detail": "signals.0.kind"}), Unreachable("no reply")]
)
async def test_any_other_refusal_is_a_surprise(ana: Ana, answer: Reply | Exception):
    ana.institution.answers.append(answer)
    await ana.browser.do(OpenTools())
    await eventually(lambda: len(ana.entries(Surprised)) == 1)
    (surprise,) = ana.entries(Surprised)
    assert (surprise.login, surprise.step, surprise.attempt_id) == ("ana", "report signals", "a1")


async def test_before_the_end_everything_that_is_left_goes_out(ana: Ana):
    ana.browser.page.note("right_click", datetime.now(UTC))
    await ana.browser.finish()
    assert ana.institution.kinds() == ["right_click"]
