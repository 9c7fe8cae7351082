"""/api/v1/questions."""

from uuid import UUID

from fastapi import APIRouter, Response

from chassis.http import Caller, IfMatch, Once, Page, PageQuery, Tx, etag, require_match
from services.exams import questions as use_cases
from services.exams.content import Difficulty, QuestionType
from services.exams.rights import AUTHORS, authored_question, named_bank
from services.exams.views.fields import Exactly, Part
from services.exams.views.questions import Deleted, QuestionBody, QuestionChange, QuestionOut

router = APIRouter(prefix="/api/v1/questions", tags=["questions"])


@router.get("", operation_id="listQuestions")
async def list_questions(
    tx: Tx,
    caller: Caller,
    page: PageQuery,
    type: QuestionType | None = None,
    topic: Exactly = None,
    difficulty: Difficulty | None = None,
    bank_id: UUID | None = None,
    search: Part = None,
) -> Page[QuestionOut]:
    """The caller's questions, newest first."""
    wanted = use_cases.QuestionFilter(type, topic, difficulty, bank_id, search)
    questions, total = await use_cases.find_questions(tx, caller, wanted, page)
    return Page.of([QuestionOut.of(question) for question in questions], total, page)


@router.post("", status_code=201, operation_id="createQuestion")
async def create_question(body: QuestionBody, tx: Tx, caller: Caller, once: Once) -> QuestionOut:
    """Writes a question, into a bank when one is named."""
    caller.require(*AUTHORS)

    async def create() -> QuestionOut:
        bank = await named_bank(tx, caller, body.bank_id)
        owner_id = bank.owner_id if bank else caller.person_id
        return QuestionOut.of(await use_cases.create_question(tx, caller, owner_id, body.question(), bank))

    return await once(QuestionOut, create)


@router.get("/{question_id}", operation_id="readQuestion")
async def read_question(question_id: UUID, tx: Tx, caller: Caller, response: Response) -> QuestionOut:
    """One question with its key."""
    question = await authored_question(tx, caller, question_id)
    response.headers["ETag"] = etag(question.revision)
    return QuestionOut.of(question)


@router.patch("/{question_id}", operation_id="changeQuestion")
async def change_question(
    question_id: UUID, body: QuestionChange, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> QuestionOut:
    """Changes a question in every draft that has it. What is published stays as it was."""
    question = await authored_question(tx, caller, question_id, lock=True)
    require_match(if_match, question.revision)
    bank_id = question.bank_id
    if "bank_id" in body.model_fields_set:
        bank_id = await use_cases.bank_for(tx, caller, question, body.bank_id)
    use_cases.change_question(tx, caller, question, body.values(question.question), bank_id)
    response.headers["ETag"] = etag(question.revision)
    return QuestionOut.of(question)


@router.delete("/{question_id}", operation_id="deleteQuestion")
async def delete_question(question_id: UUID, tx: Tx, caller: Caller) -> Deleted:
    """Deletes a question that no draft has. What is published stays as it was."""
    await use_cases.delete_question(tx, caller, await authored_question(tx, caller, question_id, lock=True))
    return Deleted()
