"""What identity's routes share: the signer, the line that tells of ended sessions, and the rules its settings make."""

from dataclasses import dataclass
from datetime import timedelta

from chassis.service import Runtime
from services.identity.ended_sessions import EndedSessions
from services.identity.keys import Signer
from services.identity.lockout import LockRule
from services.identity.resetting import ResetRule
from services.identity.sessions import SessionLimits
from services.identity.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Made once, at the start."""

    signer: Signer
    ended_sessions: EndedSessions
    lock_rule: LockRule
    reset_rule: ResetRule
    session_limits: SessionLimits
    key_life: timedelta


def make_parts(runtime: Runtime, settings: Settings) -> Parts:
    """The parts that the settings describe."""
    token_life = timedelta(minutes=settings.access_token_minutes)
    return Parts(
        Signer(settings.service_secret.get_secret_value(), token_life),
        EndedSessions(runtime.database, runtime.security, remember=token_life),
        lock_rule(settings),
        ResetRule(
            timedelta(minutes=settings.reset_code_minutes), settings.reset_code_tries, settings.reset_code_requests
        ),
        SessionLimits(timedelta(days=settings.session_idle_days), timedelta(days=settings.session_days)),
        timedelta(days=settings.signing_key_days),
    )


def lock_rule(settings: Settings) -> LockRule:
    """When failed log-ins lock."""
    return LockRule(settings.lock_failures, settings.address_failures, timedelta(minutes=settings.lock_minutes))


def parts_of(runtime: Runtime) -> Parts:
    """The parts of this process."""
    parts: Parts = runtime.state["identity"]
    return parts
