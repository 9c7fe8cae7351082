"""A student's baseline as it is shown: what is usual for them, and from which attempts it was measured."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, Field

from services.proctoring.baselines import SAMPLES_NEEDED, Baseline, Figure, own_norms
from services.proctoring.evidence import moment


class NormOut(BaseModel):
    """One usual value."""

    median: Decimal
    mad: Decimal = Field(description="median absolute deviation: the usual distance from the median")
    samples: int


class SampleOut(BaseModel):
    """The figures of one attempt; what was not measured is missing."""

    attempt_id: UUID
    taken_at: datetime
    figures: dict[Figure, Decimal]


class BaselineOut(BaseModel):
    """What is usual for a student, over the newest twenty attempts that were not flagged."""

    student_id: UUID
    version: int = Field(description="grows with every change; 0: nothing was measured yet")
    samples_needed: int = Field(
        description="of a figure, before attempts are compared with it; until then they are compared with all students"
    )
    norms: dict[Figure, NormOut] = Field(description="figures with samples enough")
    samples: list[SampleOut] = Field(description="oldest first")

    @classmethod
    def of(cls, student_id: UUID, baseline: Baseline) -> "BaselineOut":
        """The view of a baseline."""
        return cls(
            student_id=student_id,
            version=baseline.version,
            samples_needed=SAMPLES_NEEDED,
            norms={
                figure: NormOut(median=norm.median, mad=norm.mad, samples=norm.samples)
                for figure, norm in own_norms(baseline).items()
            },
            samples=[
                SampleOut(
                    attempt_id=UUID(sample.attempt_id), taken_at=moment(sample.taken_at_ms), figures=sample.figures
                )
                for sample in baseline.samples
            ],
        )
