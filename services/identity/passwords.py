"""Passwords: argon2id in threads, at most one a core at a time; and which ones are refused (NIST SP 800-63B, section 5.1.1.2)."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from prometheus_client import Counter
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from chassis.errors import InvalidInput

MIN_CHARACTERS = 10
MAX_CHARACTERS = 200
PASSWORD_CHECKS = Counter("examhall_password_checks", "argon2id computations to check a password")

# The most used long passwords of public breach lists; shorter ones fail by length.
_COMMON = frozenset(
    "1234567890 0123456789 0987654321 1111111111 0000000000 123456789a a123456789 1q2w3e4r5t qwertyuiop q1w2e3r4t5 password12 password123 "
    "password1234 passw0rd123 iloveyou12 iloveyou123 princess123 sunshine123 football123 baseball123 welcome123 welcome1234 letmein123 "
    "qwerty12345 qwerty123456 qwerty1234 asdfghjkl1 asdfghjkl; zxcvbnm123 1qaz2wsx3edc admin12345 admin123456 administrator changeme123 "
    "abcdefghij abcdefghijk abcd123456 abc1234567 123456789q 12345678910 123456789012 superman123 dragon12345 monkey12345 trustno1trustno1 "
    "examination examhall123 student123 student1234 teacher123 teacher1234 secret12345 computer123 basketball michael123 jennifer123".split()
)

_hasher = PasswordHash(
    (Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),)
)  # OWASP's second argon2id choice
_threads = ThreadPoolExecutor(
    os.cpu_count() or 1, "argon2"
)  # each computation takes 19 MiB; more threads than cores gain nothing


def check_new_password(password: str, *personal: str | None, field: str = "password") -> None:
    """Raises InvalidInput when a new password is too short, too common, or made of what is known of the person."""
    folded = password.casefold()
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise InvalidInput(field, "length", f"A password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters.")
    if folded in _COMMON or len(set(folded)) < 4:
        raise InvalidInput(
            field, "too_common", "This password is among the first that anybody would try; take another."
        )
    known = {
        part.casefold() for text in personal if text for part in (text, text.partition("@")[0], text.replace(" ", ""))
    }
    if folded in known:
        raise InvalidInput(field, "personal", "A password is not one's own name, address or number.")


async def hash_password(password: str) -> str:
    """The argon2id hash of a password; about 20 ms of one core."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def is_password(password: str, password_hash: str | None) -> bool:
    """Whether it is the password; with no hash to compare with, it takes as long and says no."""
    PASSWORD_CHECKS.inc()
    fits = await asyncio.get_running_loop().run_in_executor(_threads, _verify, password, password_hash)
    return fits and password_hash is not None


def _verify(password: str, password_hash: str | None) -> bool:
    return _hasher.verify(password, password_hash or _hash_of_nobody())


@cache
def _hash_of_nobody() -> str:
    return _hasher.hash(os.urandom(16).hex())
