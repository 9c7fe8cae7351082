"""Whether an access code fits, and how many wrong ones are too many.

A school sits behind one address and an attacker behind many, so neither limit looks at addresses: one counts per student and exam, the other
per exam. When an exam's limit is reached, only students who have not failed yet may still try: guessing from many accounts gains one try for each,
and nobody can lock an honest class out.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class CodeRule:
    """How many wrong codes count as guessing within `window`."""

    student_failures: int
    exam_failures: int
    window: timedelta


def fits(code: str, salt: str, sha256: str) -> bool:
    """Whether a code is the right one, in constant time. Made codes are upper case, so one typed in lower case fits too."""
    forms = (hashlib.sha256((salt + form).encode()).hexdigest() for form in (code, code.upper()))
    return any(hmac.compare_digest(form, sha256) for form in forms)


def may_try(rule: CodeRule, student_failures: int, exam_failures: int) -> bool:
    """Whether a student may try a code, given the failures within the window."""
    if student_failures >= rule.student_failures:
        return False
    return exam_failures < rule.exam_failures or student_failures == 0
