"""What may become of an alert: seen by somebody, then settled one way or the other. An alert that grew since may be looked at anew."""

from services.proctoring.tables import ALERT_STATUSES

_STEP = {"open": 0, "acknowledged": 1, "resolved": 2, "dismissed": 2}
assert set(_STEP) == set(ALERT_STATUSES)


def may_become(status: str, wanted: str, *, has_grown: bool) -> bool:
    """Whether an alert may go from one status to another: onwards, never back; and the same step once more when it has grown since the last.

    So of two who settle at once only one does, and whoever settled something that then went on can say what became of it.
    """
    if wanted == "open":
        return False
    return _STEP[wanted] > _STEP[status] or (has_grown and _STEP[wanted] == _STEP[status])


def has_grown(revision: int, settled_revision: int) -> bool:
    """Whether the cause went on after somebody dealt with the alert. `settled_revision` 0: nobody has."""
    return 0 < settled_revision < revision
