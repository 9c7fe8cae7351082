"""The kinds of text and number that REST bodies are made of."""

from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from services.exams.content import CENT


def _to_cents(value: Decimal) -> Decimal:
    return value.quantize(CENT)


Points = Annotated[
    Decimal,
    Field(gt=0, le=Decimal("999.99"), decimal_places=2, description="points, up to two places"),
    AfterValidator(_to_cents),
]
PointsOrNone = Annotated[Decimal, Field(ge=0, le=Decimal("999.99"), decimal_places=2), AfterValidator(_to_cents)]
Number = Annotated[Decimal, Field(max_digits=30, ge=Decimal("-1e300"), le=Decimal("1e300"))]
Tolerance = Annotated[Decimal, Field(ge=0, le=Decimal("1e300"), max_digits=30)]
Percentage = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]
Line = StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$")
Title = Annotated[str, StringConstraints(min_length=1, max_length=255), Line]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=100), Line]
BankName = Annotated[str, StringConstraints(min_length=1, max_length=120), Line]
Topic = Annotated[str, StringConstraints(max_length=100), Line]
Prose = Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")]
OptionText = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00]*$")]
AcceptedForm = Annotated[str, StringConstraints(min_length=1, max_length=200), Line]
Unit = Annotated[str, StringConstraints(max_length=40), Line]
# Https or a path of this site, which `//host/path` is not: a paper must not fetch over an open line, and never run a script.
_NOT_IN_URLS = r"\x00-\x20\x7f<>\"'\\"
ImageUrl = Annotated[
    str,
    StringConstraints(
        max_length=2_000, pattern=rf"^(https://[^{_NOT_IN_URLS}]*|/([^/{_NOT_IN_URLS}][^{_NOT_IN_URLS}]*)?)?$"
    ),
]
AccessCode = Annotated[str, StringConstraints(min_length=4, max_length=20, pattern=r"^[A-Za-z0-9-]+$")]
Level = Annotated[str, StringConstraints(min_length=1, max_length=60), Line]
Moment = Annotated[
    AwareDatetime,
    Field(ge="2000-01-01T00:00:00Z", le="2200-01-01T00:00:00Z", description="RFC 3339, with an offset"),
]
# Of a query string; PostgreSQL takes no NUL.
Part = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$", description="part of the name or text")]
Exactly = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$", description="exactly this")]
