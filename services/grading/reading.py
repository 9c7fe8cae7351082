"""Reads what people type: short answers as they are compared, numbers with their units."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal, localcontext

# Sixty digits and the widest exponents: nothing that fits an answer overflows, and no typed number can raise.
ARITHMETIC = Context(prec=60, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])

_NUMBER = re.compile(
    r"""\s* (?P<sign>[+\-\u2212]?) \s*
    (?P<digits> \d+(?:[.,]\d*)? | [.,]\d+ )
    (?: [eE] (?P<exponent>[+\-\u2212]?\d+) )?
    \s* (?P<unit>.*?) \s*""",
    re.ASCII | re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Quantity:
    """A number and what stands behind it, as typed; empty when nothing does."""

    number: Decimal
    unit: str


def fold_text(text: str, *, is_case_sensitive: bool) -> str:
    """The form in which two short answers are compared.

    Compatibility forms are unified (NFKC), case is folded unless it matters, runs of white space become one space, outer white space goes.
    Punctuation stays: whether it matters is for the author to say with another accepted form.
    """
    unified = unicodedata.normalize("NFKC", text)
    if not is_case_sensitive:
        unified = unicodedata.normalize("NFKC", unified.casefold())
    return " ".join(unified.split())


def fold_unit(unit: str) -> str:
    """The form in which two units are compared: compatibility forms unified, no case, no white space."""
    return "".join(unicodedata.normalize("NFKC", unit).casefold().split())


def read_quantity(text: str) -> Quantity | None:
    """The number that a text begins with, and its unit; None when it begins with none.

    A comma is a decimal sign like the point (so there is no sign for thousands), the minus may be the typesetter's (U+2212), an exponent may follow.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    sign = "" if found["sign"] in ("", "+") else "-"
    exponent = (found["exponent"] or "0").replace("\u2212", "-")
    with localcontext(ARITHMETIC):
        number = Decimal(f"{sign}{found['digits'].replace(',', '.')}e{exponent}")
    return Quantity(number, found["unit"]) if number.is_finite() else None
