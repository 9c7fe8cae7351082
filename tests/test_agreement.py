"""What one service tells or allows and another one repeats is the same, though services share no code."""

from services.attempts.endings import ending_text
from services.attempts.responses import DEFAULT_MAX_CHARACTERS
from services.exams.readiness import DEFAULT_CHARACTERS
from services.proctoring.attempts_heard import ENDINGS


def test_a_student_reads_the_same_of_an_end_in_the_reply_and_on_the_socket():
    assert ENDINGS
    assert {reason: ending_text(reason) for reason in ENDINGS} == ENDINGS


def test_publication_counts_answers_to_be_as_long_as_a_sitting_lets_them_be():
    assert DEFAULT_CHARACTERS
    assert {str(kind): most for kind, most in DEFAULT_CHARACTERS.items()} == {
        str(kind): most for kind, most in DEFAULT_MAX_CHARACTERS.items()
    }
