"""Pages of lists that people leaf through: `{items, total, page, limit, pages}`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

T = TypeVar("T")

MAX_LIMIT = 100


@dataclass(frozen=True)
class PageRequest:
    """Which page of how many items; the first page is 1."""

    page: int
    limit: int

    @property
    def offset(self) -> int:
        """How many items come before the page."""
        return (self.page - 1) * self.limit


class Page(BaseModel, Generic[T]):
    """One page of a list, with how many there are in all."""

    items: list[T]
    total: int
    page: int
    limit: int
    pages: int

    @classmethod
    def of(cls, items: Sequence[T], total: int, request: PageRequest) -> "Page[T]":
        """The page that `request` asked for, holding `items` out of `total`."""
        return cls(
            items=list(items), total=total, page=request.page, limit=request.limit, pages=-(-total // request.limit)
        )


def page_request(
    page: Annotated[int, Query(ge=1, le=1_000_000, description="page, from 1")] = 1,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items a page")] = 20,
) -> PageRequest:
    """Reads ?page= and ?limit=."""
    return PageRequest(page, limit)


PageQuery = Annotated[PageRequest, Depends(page_request)]
