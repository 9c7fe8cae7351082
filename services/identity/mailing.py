"""Sends queued mail, at least once; without a mail server it is written to a folder, for whoever tries the system on one machine."""

import asyncio
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import sqlalchemy as sa
import structlog
from sqlmodel import col

from chassis.clock import now
from chassis.service import Runtime
from services.identity.settings import Settings
from services.identity.tables import Mail

log = structlog.get_logger()

_POLL_SECONDS = 0.5


async def send_mails(runtime: Runtime) -> None:
    """Sends what is due, for ever. A mail that fails is tried again, later each time, for about a day."""
    assert isinstance(runtime.settings, Settings)
    while True:
        if not await _send_next(runtime, runtime.settings):
            await asyncio.sleep(_POLL_SECONDS)


async def _send_next(runtime: Runtime, settings: Settings) -> bool:
    async with runtime.database.session() as tx:
        mail = await tx.scalar(
            sa.select(Mail)
            .where(col(Mail.due_at) <= now())
            .order_by(col(Mail.due_at))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if mail is None:
            return False
        try:
            await _deliver(mail, settings)
        except (OSError, aiosmtplib.SMTPException) as error:
            mail.tries += 1
            mail.due_at = now() + timedelta(seconds=min(5 * 2**mail.tries, 7200))
            log.warning("mail_not_sent", mail_id=str(mail.id), tries=mail.tries, error=type(error).__name__)
            if mail.tries > 20:
                await tx.delete(mail)
        else:
            await tx.delete(mail)
    return True


async def _deliver(mail: Mail, settings: Settings) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, mail.recipient, mail.subject
    message["Message-ID"] = f"<{mail.id}@examhall>"
    message.set_content(mail.body)
    if not settings.smtp_host:
        folder = settings.data / "mail"
        await asyncio.to_thread(_put, folder / f"{mail.id}.eml", bytes(message))
        log.info("mail_written_to_folder", mail_id=str(mail.id), folder=str(folder))
        return
    await aiosmtplib.send(
        message,
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_user or None,
        password=settings.smtp_password.get_secret_value() or None,
        start_tls=settings.smtp_start_tls,
        timeout=10,
    )


def _put(file: Path, content: bytes) -> None:
    """Writes a file that is whole as soon as it is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    making = file.with_suffix(".new")
    making.write_bytes(content)
    making.rename(file)
