"""/api/v1/question-banks."""

from uuid import UUID

from fastapi import APIRouter, Response

from chassis.http import Caller, IfMatch, Once, Page, PageQuery, Tx, etag, require_match
from services.exams import banks as use_cases
from services.exams.rights import AUTHORS, authored_bank
from services.exams.views.fields import Part
from services.exams.views.questions import BankChange, BankOut, Deleted, NewBank

router = APIRouter(prefix="/api/v1/question-banks", tags=["question banks"])


@router.get("", operation_id="listQuestionBanks")
async def list_banks(tx: Tx, caller: Caller, page: PageQuery, search: Part = None) -> Page[BankOut]:
    """The caller's banks by name."""
    banks, total = await use_cases.find_banks(tx, caller, search, page)
    return Page.of([BankOut.of(bank, count) for bank, count in banks], total, page)


@router.post("", status_code=201, operation_id="createQuestionBank")
async def create_bank(body: NewBank, tx: Tx, caller: Caller, once: Once) -> BankOut:
    """Makes an empty bank."""
    caller.require(*AUTHORS)

    async def create() -> BankOut:
        return BankOut.of(await use_cases.create_bank(tx, caller, body.model_dump()), 0)

    return await once(BankOut, create)


@router.get("/{bank_id}", operation_id="readQuestionBank")
async def read_bank(bank_id: UUID, tx: Tx, caller: Caller, response: Response) -> BankOut:
    """One bank; its questions are listed by GET /questions?bank_id=…."""
    bank = await authored_bank(tx, caller, bank_id)
    response.headers["ETag"] = etag(bank.revision)
    return BankOut.of(bank, await use_cases.size_of(tx, bank))


@router.patch("/{bank_id}", operation_id="changeQuestionBank")
async def change_bank(
    bank_id: UUID, body: BankChange, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> BankOut:
    """Renames or describes a bank."""
    bank = await authored_bank(tx, caller, bank_id, lock=True)
    require_match(if_match, bank.revision)
    await use_cases.change_bank(tx, caller, bank, body.model_dump(exclude_unset=True, exclude_none=True))
    response.headers["ETag"] = etag(bank.revision)
    return BankOut.of(bank, await use_cases.size_of(tx, bank))


@router.delete("/{bank_id}", operation_id="deleteQuestionBank")
async def delete_bank(bank_id: UUID, tx: Tx, caller: Caller) -> Deleted:
    """Deletes an empty bank that no exam draws from."""
    await use_cases.delete_bank(tx, caller, await authored_bank(tx, caller, bank_id, lock=True))
    return Deleted()
