"""/api/v1/auth: one's own account and sessions; and the public keys."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.clock import now
from chassis.errors import Forbidden, NotFound, TooManyRequests
from chassis.http import Caller, RuntimeOf, Tx, caller_address
from services.identity import accounts, resetting
from services.identity.app_state import parts_of
from services.identity.keys import public_keys
from services.identity.logging_in import log_in
from services.identity.problems import SessionEnded
from services.identity.profiles import change_profile
from services.identity.sessions import end_sessions, open_sessions, refresh_session
from services.identity.tables import Person
from services.identity.views import (
    Claim,
    CodeCheck,
    Forgot,
    Login,
    Message,
    PasswordChange,
    PasswordReset,
    PersonOut,
    ProfileChange,
    RefreshRequest,
    Registration,
    ResetToken,
    SessionOut,
    Tokens,
)

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])
keys_router = APIRouter(tags=["auth"])
_SIGN_IN_AGAIN = "The session has ended; sign in again."


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")


@router.post("/register", status_code=201, operation_id="register")
async def register(body: Registration, tx: Tx, runtime: RuntimeOf) -> PersonOut:
    """Makes a student's own account."""
    if not runtime.settings.self_registration:
        raise Forbidden("Accounts are made by your school here; claim yours with POST /api/v1/auth/claim-account.")
    values = body.model_dump(exclude={"role"})
    return PersonOut.of(await accounts.register(tx, **values))


@router.post("/login", operation_id="logIn")
async def login(body: Login, request: Request, runtime: RuntimeOf) -> Tokens:
    """Signs in by e-mail address or registration number."""
    parts, at = parts_of(runtime), now()
    signed_in = await log_in(
        runtime.database, body.login, body.password, caller_address(request), _agent(request), at, parts.lock_rule
    )
    return Tokens(
        access_token=parts.signer.access_token(signed_in.person, signed_in.session.id, at),
        refresh_token=signed_in.refresh_token,
        expires_in=int(parts.signer.token_life.total_seconds()),
        user=PersonOut.of(signed_in.person),
    )


@router.post("/refresh", operation_id="refreshTokens")
async def refresh(body: RefreshRequest, runtime: RuntimeOf) -> Tokens:
    """Trades the refresh token for new tokens. It works once: used again, it ends the session."""
    parts, at = parts_of(runtime), now()
    async with runtime.database.session() as tx:
        refreshed = await refresh_session(tx, body.refresh_token, parts.session_limits, at)
    if refreshed.ended_session_id is not None:
        await parts.ended_sessions.announce([refreshed.ended_session_id])
    if refreshed.person is None or refreshed.session is None:
        raise SessionEnded(_SIGN_IN_AGAIN)
    return Tokens(
        access_token=parts.signer.access_token(refreshed.person, refreshed.session.id, at),
        refresh_token=refreshed.refresh_token,
        expires_in=int(parts.signer.token_life.total_seconds()),
        user=PersonOut.of(refreshed.person),
    )


@router.post("/logout", operation_id="logOut")
async def logout(caller: Caller, runtime: RuntimeOf) -> Message:
    """Ends this session; its access tokens are refused everywhere from now on."""
    await _end(runtime, caller, "logged_out", only=caller.session_id)
    return Message(message="You are signed out.")


async def _end(runtime: Any, caller: Any, reason: str, **which: UUID | None) -> int:
    async with runtime.database.session() as tx:
        ended = await end_sessions(tx, caller, caller.person_id, reason, now(), **which)
    await parts_of(runtime).ended_sessions.announce(ended)
    return len(ended)


@router.get("/me", operation_id="readMe")
async def me(tx: Tx, caller: Caller) -> PersonOut:
    """The person who is signed in."""
    return PersonOut.of(await tx.get_one(Person, caller.person_id))


@router.patch("/me", operation_id="changeMe")
async def change_me(body: ProfileChange, caller: Caller, runtime: RuntimeOf) -> PersonOut:
    """Changes one's own name, e-mail address or, as a student, specialization. Another address needs the current password."""
    values = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"current_password"})
    if "specialization_id" in values and not caller.is_("student"):
        raise Forbidden("Only students have a specialization.")
    return PersonOut.of(
        await change_profile(
            runtime.database, caller, values, body.current_password, now(), parts_of(runtime).lock_rule
        )
    )


@router.post("/change-password", operation_id="changePassword")
async def change_password(body: PasswordChange, caller: Caller, runtime: RuntimeOf) -> Message:
    """Sets a new password and ends the other sessions."""
    parts = parts_of(runtime)
    ended = await accounts.change_password(
        runtime.database, caller, body.current_password, body.new_password, now(), parts.lock_rule
    )
    await parts.ended_sessions.announce(ended)
    return Message(message="The password is changed; your other sessions are signed out.")


@router.post("/claim-account", operation_id="claimAccount")
async def claim_account(body: Claim, request: Request, runtime: RuntimeOf) -> PersonOut:
    """Sets the first password of an account that the school made, with the code that the school gave."""
    person = await accounts.claim_account(
        runtime.database, body.registration_number, body.claim_code, body.password, body.email,
        caller_address(request), _agent(request), now(), parts_of(runtime).lock_rule,
    )  # fmt: skip
    return PersonOut.of(person)


@router.post("/forgot-password", status_code=202, operation_id="forgotPassword")
async def forgot_password(body: Forgot, request: Request, tx: Tx, runtime: RuntimeOf) -> Message:
    """Mails a code, if there is such an account; the answer is the same if there is none."""
    rule = parts_of(runtime).reset_rule
    await resetting.forgot_password(tx, body.email, caller_address(request), _agent(request), now(), rule)
    return Message(message="If the address belongs to an account, a code is on its way there.")


@router.post("/verify-reset-code", operation_id="verifyResetCode")
async def verify_reset_code(body: CodeCheck, request: Request, runtime: RuntimeOf) -> ResetToken:
    """Trades the code for a token that sets a new password."""
    rule, at = parts_of(runtime).reset_rule, now()
    async with runtime.database.session() as tx:
        is_allowed = await resetting.may_try_codes(tx, body.email, caller_address(request), _agent(request), at)
        token = await resetting.verify_reset_code(tx, body.email, body.code, at, rule) if is_allowed else None
    if not is_allowed:
        raise TooManyRequests("Too many wrong codes from here; wait before you try again.", 900)
    if token is None:
        raise resetting.wrong_code()
    return ResetToken(reset_token=token, expires_in=int(rule.life.total_seconds()))


@router.post("/reset-password", operation_id="resetPassword")
async def reset_password(body: PasswordReset, runtime: RuntimeOf) -> Message:
    """Sets a new password and ends all sessions."""
    async with runtime.database.session() as tx:
        ended = await resetting.reset_password(tx, body.reset_token, body.new_password, now())
    await parts_of(runtime).ended_sessions.announce(ended)
    return Message(message="The new password is set; sign in with it.")


@router.get("/sessions", operation_id="listSessions")
async def sessions(tx: Tx, caller: Caller, runtime: RuntimeOf) -> list[SessionOut]:
    """Where one is signed in."""
    found = await open_sessions(tx, caller.person_id, parts_of(runtime).session_limits, now())
    return [SessionOut.model_validate({**one.model_dump(), "is_current": one.id == caller.session_id}) for one in found]


@router.delete("/sessions", operation_id="endAllSessions")
async def end_all_sessions(caller: Caller, runtime: RuntimeOf) -> Message:
    """Signs out everywhere, here too."""
    count = await _end(runtime, caller, "ended_by_owner")
    return Message(message=f"{count} session{'s' if count != 1 else ''} ended.")


@router.delete("/sessions/{session_id}", operation_id="endSession")
async def end_session(session_id: UUID, caller: Caller, runtime: RuntimeOf) -> Message:
    """Signs out one device."""
    if not await _end(runtime, caller, "ended_by_owner", only=session_id):
        raise NotFound("You have no such session.")
    return Message(message="The session is ended.")


@keys_router.get("/.well-known/jwks.json", operation_id="readKeys")
async def read_keys(tx: Tx, response: Response) -> dict[str, Any]:
    """The keys that access tokens are checked with (RFC 7517)."""
    response.headers["Cache-Control"] = "public, max-age=3600"
    return await public_keys(tx)
