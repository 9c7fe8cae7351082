"""What grading can be told by environment."""

from pydantic import Field

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Grading's settings; the defaults are the documented behaviour."""

    marking_poll_milliseconds: int = Field(
        200, ge=10, description="how often grading looks for submitted attempts that wait to be marked"
    )
    marking_batch: int = Field(32, ge=1, le=200, description="attempts marked at the same time, in one transaction")
