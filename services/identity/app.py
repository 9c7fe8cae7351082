"""Builds the identity service."""

import asyncio
from datetime import datetime

from chassis.clock import now
from chassis.service import Runtime, Service
from proto.examhall.identity.v1.identity_pb2_grpc import add_IdentityServicer_to_server
from services.identity import accounts
from services.identity.app_state import lock_rule, make_parts, parts_of
from services.identity.consumers import SUBSCRIPTIONS
from services.identity.keys import rotate_keys
from services.identity.logging_in import forget_attempts
from services.identity.mailing import send_mails
from services.identity.metrics import counts
from services.identity.problems import PROBLEMS
from services.identity.routes import auth, classes, people, records
from services.identity.rpc import IdentityRpc
from services.identity.sessions import clean_sessions
from services.identity.settings import Settings

_HOUSEKEEPING_SECONDS = 600


def build(settings: Settings | None = None) -> Service:
    """The identity service."""
    settings = settings or Settings()
    return Service(
        name="identity",
        description="People, classes, centres, and signing in.",
        settings=settings,
        routers=[
            auth.router, auth.keys_router, people.users, people.students, people.teachers,
            classes.classes, classes.centres, classes.specializations, records.audit_log, records.login_attempts,
        ],
        problems=PROBLEMS,
        add_rpc=lambda server, runtime: add_IdentityServicer_to_server(IdentityRpc(runtime), server),
        subscriptions=SUBSCRIPTIONS,
        on_start=start,
        tasks=[follow_ended_sessions, keep_house, send_mails],
        counts=counts(lock_rule(settings)),
        watches_identity=False,
    )  # fmt: skip


async def start(runtime: Runtime) -> None:
    """Makes the first signing key and the first administrator, and loads what checking tokens needs."""
    assert isinstance(runtime.settings, Settings)
    runtime.state["identity"] = parts = make_parts(runtime, runtime.settings)
    async with runtime.database.session() as tx:
        await rotate_keys(tx, runtime.settings.service_secret.get_secret_value(), now(), parts.key_life)
    async with runtime.database.session() as tx:
        await parts.signer.load(tx)
        await accounts.first_admin(tx, runtime.settings.admin_email, runtime.settings.admin_password.get_secret_value())
    runtime.security.apply(await parts.ended_sessions.snapshot())


async def follow_ended_sessions(runtime: Runtime) -> None:
    """Passes on which sessions ended."""
    await parts_of(runtime).ended_sessions.listen()


async def keep_house(runtime: Runtime) -> None:
    """Tidies up, for ever."""
    while True:
        await asyncio.sleep(_HOUSEKEEPING_SECONDS)
        await tidy_up(runtime, now())


async def tidy_up(runtime: Runtime, at: datetime) -> None:
    """Rotates keys, ends and forgets sessions, and forgets tries to sign in."""
    parts = parts_of(runtime)
    async with runtime.database.session() as tx:
        changed = await rotate_keys(tx, runtime.settings.service_secret.get_secret_value(), at, parts.key_life)
        await clean_sessions(tx, parts.session_limits, at)
        await forget_attempts(tx, at)
    if changed:
        await parts.ended_sessions.announce_keys()
    async with runtime.database.session() as tx:
        await parts.signer.load(tx)
