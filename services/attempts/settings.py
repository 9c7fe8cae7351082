"""What attempts can be told by environment."""

from pydantic import Field

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Attempts' settings; the defaults are the documented behaviour."""

    access_code_failures: int = Field(
        10, ge=1, description="wrong access codes of one student at one exam before a wait"
    )
    access_code_exam_failures: int = Field(
        200, ge=1, description="wrong access codes at one exam after which only students without a wrong one may try"
    )
    access_code_minutes: int = Field(15, ge=1, description="the time in which wrong access codes count")
    save_lanes: int = Field(2, ge=1, le=8, description="batches of saves that are committed at the same time")
    save_batch: int = Field(
        512,
        ge=1,
        le=5_000,
        description="saves that share one commit at most, but for the rest of one that is several answers",
    )
    timekeeper_milliseconds: int = Field(
        250,
        ge=20,
        le=900,
        description="how often due deadlines are looked for; an attempt is submitted within a second of its deadline",
    )
