"""What proctoring can be told by environment."""

from pydantic import Field

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """The proctoring service's settings; the defaults are the documented behaviour."""

    signals_kept_days: int = Field(
        180, ge=1, description="days that the signals of browsers are kept, counted from their arrival"
    )
    movement_signals_kept_days: int = Field(
        90, ge=1, description="days that timings of keystrokes and the mouse are kept, at most as long as the others"
    )
    camera_signals_kept_days: int = Field(
        30, ge=1, description="days that signals of the camera are kept, at most as long as the others"
    )
    feed_kept_days: int = Field(30, ge=1, description="days that live events can still be fetched by cursor")
    purge_minutes: int = Field(60, ge=1, description="how often what is kept too long is looked for")
    purge_batch: int = Field(500, ge=1, le=10_000, description="rows that one transaction of a purge deletes at most")
    status_milliseconds: int = Field(
        5_000, ge=100, description="how often the state of each exam under way is pushed to its proctors"
    )
    status_students: int = Field(
        1_000, ge=1, le=2_000, description="students that one pushed state names at most, the gravest first"
    )
    closing_milliseconds: int = Field(
        5_000, ge=100, description="how often exams that have closed are looked for, to analyse their answers for good"
    )
    closing_grace_seconds: int = Field(
        10, ge=0, description="the time after the close of an exam in which late events are still waited for"
    )
    replay_quiet_milliseconds: int = Field(
        2_000, ge=0, description="workers that lose their state within this time share one replay"
    )
    population_students: int = Field(
        500,
        ge=5,
        le=5_000,
        description="students, those with the newest samples, whose usual values are the population's",
    )
    population_minutes: int = Field(5, ge=0, description="how long the population's usual values are taken from memory")
    signal_lanes: int = Field(2, ge=1, le=8, description="groups of signal batches that are committed at the same time")
    signal_group: int = Field(256, ge=1, le=2_000, description="signal batches that share one commit at most")
