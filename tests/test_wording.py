"""What one service tells and another one repeats has the same words, though services share no code."""

from services.attempts.endings import ending_text
from services.proctoring.attempts_heard import ENDINGS


def test_a_student_reads_the_same_of_an_end_in_the_reply_and_on_the_socket():
    assert ENDINGS
    assert {reason: ending_text(reason) for reason in ENDINGS} == ENDINGS
