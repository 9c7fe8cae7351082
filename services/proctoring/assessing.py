"""How an attempt stands: every score computed anew from its state, so that each can be unfolded down to the signals behind it."""

from decimal import Decimal

import msgspec

from services.proctoring.anomaly import SecondOpinion, second_opinion
from services.proctoring.baselines import Figure, Sample
from services.proctoring.behaviour import BehaviourScore, behaviour_score
from services.proctoring.derived import address_changes, simultaneous_logins
from services.proctoring.evidence import Evidence, Tally, together
from services.proctoring.excused import counting, counting_tally, excused_spans
from services.proctoring.levels import Level
from services.proctoring.pauses import overlap, pauses_of
from services.proctoring.risk import Conduct, RiskScore, integrity_score, overall_level, risk_score
from services.proctoring.signals import ExamRules, SignalKind, is_allowed
from services.proctoring.state import Watch
from services.proctoring.violations import LimitReached, acts, limit_reached

# Less than this measures chance, not a person: fifty strokes told people apart with nine errors in a hundred.
STROKES_NEEDED = 50
MOUSE_MS_NEEDED = 60_000
MOVING_MS_NEEDED = 5_000
RATE_MS_NEEDED = 600_000
# The one says how long, the other since when, while nothing has said how long.
AWAY_KINDS = (SignalKind.FOCUS_LOST, SignalKind.FOCUS_REGAINED)
_HUNDREDTH = Decimal("0.01")


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said of an attempt, as of its latest event. The revision grows with what was taken into it."""

    attempt_id: str
    exam_id: str
    student_id: str
    revision: int
    as_of_ms: int
    level: Level
    behaviour: BehaviourScore
    risk: RiskScore
    opinion: SecondOpinion | None
    tallies: dict[SignalKind, Tally]  # sent and derived
    bursts: Tally  # stretches in which many answers were changed
    fast_answers: int  # against the usual time a question
    slow_answers: int
    violations: tuple[Evidence, ...]
    limit: LimitReached | None
    integrity: Decimal
    baseline_version: int
    figures: dict[Figure, Decimal]  # measured so far
    status: str  # of the attempt, as far as heard
    is_over: bool  # submitted
    answered: int  # questions with an answer
    position: int  # of the question last shown, from 1; 0: not told


def assessed(watch: Watch) -> Assessment | None:
    """The assessment of an attempt; None while it is not known to be proctored."""
    rules = watch.rules
    if rules is None or not rules.proctoring:
        return None
    tallies = all_tallies(watch)
    figures = figures_of(watch)
    norms = watch.comparison.norms
    behaviour = behaviour_score(tallies, rules)
    risk = risk_score(_conduct(watch, rules, figures, tallies), norms, rules.sensitivity)
    usual = norms.get(Figure.SECONDS_PER_QUESTION)
    fast, slow = watch.answers.off_pace(usual.median) if usual else (0, 0)
    spans = excused_spans(watch)
    violations = acts({kind: counting(observed, spans) for kind, observed in watch.forbiddable.items()}, rules)
    return Assessment(
        attempt_id=watch.attempt_id,
        exam_id=watch.exam_id,
        student_id=watch.student_id,
        revision=watch.taken,
        as_of_ms=watch.as_of_ms,
        level=overall_level(behaviour, risk),
        behaviour=behaviour,
        risk=risk,
        opinion=second_opinion(figures, watch.comparison),
        tallies=tallies,
        bursts=watch.answers.bursts,
        fast_answers=fast,
        slow_answers=slow,
        violations=violations,
        limit=limit_reached(violations, rules),
        integrity=integrity_score(risk),
        baseline_version=watch.comparison.baseline_version,
        figures=figures,
        status=watch.status,
        is_over=watch.submitted_at_ms is not None,
        answered=sum(trail.saves[-1].digest != 0 for trail in watch.trails.values()),
        position=watch.position[1],
    )


def all_tallies(watch: Watch) -> dict[SignalKind, Tally]:
    """The tallies of what was sent and counts, and of what the server found out."""
    derived = {
        SignalKind.IP_CHANGE: address_changes(watch.networks),
        SignalKind.MULTIPLE_LOGINS: simultaneous_logins(watch.sessions),
        SignalKind.RAPID_ANSWERS: watch.answers.rapid,
        SignalKind.ANSWER_MODIFICATION: watch.answers.changes,
    }
    return {kind: tally for kind, tally in (_sent(watch) | derived).items() if tally.count}


def _sent(watch: Watch) -> dict[SignalKind, Tally]:
    spans = excused_spans(watch)
    return {
        kind: counting_tally(tally, watch.forbiddable.get(kind, tally.evidence), spans)
        for kind, tally in watch.tallies.items()
    }


def figures_of(watch: Watch) -> dict[Figure, Decimal]:
    """What can be measured of the attempt so far; a figure with too little behind it is missing."""
    keys, mouse = watch.keystrokes, watch.mouse
    found: dict[Figure, Decimal] = {}
    if keys.strokes >= STROKES_NEEDED and keys.typing_ms:
        found[Figure.TYPING_WPM] = _ratio(keys.strokes * 12_000, keys.typing_ms)
        found[Figure.DWELL_MS] = _ratio(keys.dwell_ms, keys.strokes)
        found[Figure.FLIGHT_MS] = _ratio(keys.flight_ms, keys.strokes)
    if mouse.window_ms >= MOUSE_MS_NEEDED:
        found[Figure.MOUSE_SPEED_PXS] = _ratio(mouse.distance_px * 1000, mouse.window_ms)
    if mouse.moving_ms >= MOVING_MS_NEEDED:
        found[Figure.MOVING_SPEED_PXS] = _ratio(mouse.distance_px * 1000, mouse.moving_ms)
    pace = watch.answers.seconds_per_question
    if pace is not None:
        found[Figure.SECONDS_PER_QUESTION] = pace
    elapsed = watch.as_of_ms - watch.started_at_ms if watch.started_at_ms is not None else 0
    if elapsed >= RATE_MS_NEEDED:
        switches = _sent(watch).get(SignalKind.TAB_SWITCH, Tally()).count
        found[Figure.TAB_SWITCHES_PER_HOUR] = _ratio(switches * 3_600_000, elapsed)
    return found


def sample_of(watch: Watch) -> Sample:
    """The attempt as a sample for the student's baseline, once it is over."""
    return Sample(
        attempt_id=watch.attempt_id, taken_at_ms=watch.submitted_at_ms or watch.as_of_ms, figures=figures_of(watch)
    )


def away_milliseconds(watch: Watch) -> int:
    """Time without the focus: what the browser told when it came back, and what has run since a loss that has not ended.

    A loss also ends with the next saved answer, for who answers is there, with the next pause of the attempt, since a return within it is not taken
    in, and with the submission. What lies in a pause does not count.
    """
    pauses = pauses_of(watch.steps, watch.as_of_ms)
    told = watch.tallies.get(SignalKind.FOCUS_REGAINED, Tally())
    lost = watch.tallies.get(SignalKind.FOCUS_LOST, Tally())
    away = told.total - sum(overlap((at_ms - away_ms, at_ms), pauses) for at_ms, away_ms in watch.returns)
    if lost.last_ms <= told.last_ms:
        return away
    back = [save.at_ms for trail in watch.trails.values() for save in trail.saves if save.at_ms > lost.last_ms]
    stops = [begin for begin, end in pauses if end > lost.last_ms]
    over = watch.as_of_ms if watch.submitted_at_ms is None else watch.submitted_at_ms
    return away + max(0, min(*back, *stops, over, watch.as_of_ms) - lost.last_ms)


def _conduct(
    watch: Watch, rules: ExamRules, figures: dict[Figure, Decimal], tallies: dict[SignalKind, Tally]
) -> Conduct:
    if is_allowed(SignalKind.TAB_SWITCH, rules):
        return Conduct(tab_switches=None, away_milliseconds=None, figures=figures, pace_evidence=watch.answers.median)
    tabs = tallies.get(SignalKind.TAB_SWITCH, Tally())
    return Conduct(
        tab_switches=tabs.count,
        away_milliseconds=away_milliseconds(watch),
        figures=figures,
        tab_evidence=tabs.evidence,
        away_evidence=together(tallies.get(kind, Tally()) for kind in AWAY_KINDS).evidence,
        pace_evidence=watch.answers.median,
    )


def _ratio(part: int, whole: int) -> Decimal:
    return (Decimal(part) / whole).quantize(_HUNDREDTH)
