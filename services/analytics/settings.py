"""What analytics can be told by environment."""

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Analytics has no settings of its own."""
