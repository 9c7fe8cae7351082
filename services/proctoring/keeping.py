"""How long signals are kept, by kind: the more of a person a kind shows, the shorter."""

from services.proctoring.settings import Settings
from services.proctoring.signals import CAMERA_KINDS, SignalKind

MOVEMENT_KINDS = frozenset({SignalKind.KEYSTROKES, SignalKind.MOUSE})


def kept_days(kind: SignalKind, settings: Settings) -> int:
    """For how many days after their arrival signals of this kind are kept."""
    days = settings.signals_kept_days
    if kind in CAMERA_KINDS:
        return min(days, settings.camera_signals_kept_days)
    if kind in MOVEMENT_KINDS:
        return min(days, settings.movement_signals_kept_days)
    return days
