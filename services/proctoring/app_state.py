"""What the parts of proctoring share in one process."""

from dataclasses import dataclass

from chassis.service import Runtime
from services.proctoring.baselines_store import Population
from services.proctoring.copies import Papers
from services.proctoring.intake import Intake
from services.proctoring.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Made once, at the start."""

    settings: Settings
    papers: Papers
    population: Population
    intake: Intake


async def start(runtime: Runtime) -> None:
    """Makes what the parts share."""
    settings = runtime.settings
    assert isinstance(settings, Settings)
    papers = Papers(runtime)
    runtime.state["proctoring"] = Parts(
        settings,
        papers,
        Population(settings.population_students, settings.population_minutes * 60.0),
        Intake(runtime.database, papers, lanes=settings.signal_lanes, group=settings.signal_group),
    )


def parts_of(runtime: Runtime) -> Parts:
    """The parts of this process."""
    parts: Parts = runtime.state["proctoring"]
    return parts
