"""Identity's own metrics, beside those of every service."""

from collections.abc import Sequence

from prometheus_client import Gauge

from chassis.counting import Count
from services.identity.lockout import LockRule

_SESSIONS = Gauge("examhall_sessions", "Sessions that have not ended")
_LOCKED = Gauge(
    "examhall_accounts_locked", "Accounts of people with so many failed log-ins that strangers' tries are refused"
)

_EVERY_SECONDS = 60
# Ids grow with time (UUIDv7, its first 48 bits being milliseconds), so the primary key finds the newest rows; a minute is for clocks that differ.
_LOCKED_NOW = """
SELECT count(*) AS locked FROM (
    SELECT account FROM login_attempts
    WHERE id >= (lpad(to_hex((extract(epoch FROM statement_timestamp() - $1::interval - interval '1 minute') * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid
        AND at > statement_timestamp() - $1::interval AND outcome = 'failed' AND kind = 'login' AND person_id IS NOT NULL
    GROUP BY account HAVING count(*) >= $2
) AS accounts
"""


def counts(rule: LockRule) -> Sequence[Count]:
    """What identity counts, with the rule by which accounts are locked."""
    return (
        Count(
            "sessions",
            _EVERY_SECONDS,
            "SELECT count(*) AS open FROM sessions WHERE ended_at IS NULL",  # served by ix_sessions_ended_at
            lambda row: _SESSIONS.set(row["open"]),
        ),
        Count(
            "locked_accounts",
            _EVERY_SECONDS,
            _LOCKED_NOW,
            lambda row: _LOCKED.set(row["locked"]),
            (rule.window, rule.account_failures),
        ),
    )
