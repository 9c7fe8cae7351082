"""What a student may know of an attempt: a pure rule from release and the exam's review settings. Of one that does not count: that and why."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sight:
    """What of a grade its student may see."""

    score: bool
    own_answers: bool
    right_answers: bool

    @property
    def questions(self) -> bool:
        """Whether there is anything to see of single questions."""
        return self.own_answers or self.right_answers


def sight_of(*, is_released: bool, is_open: bool, allow_review: bool, show_answers: bool) -> Sight:
    """Before release nothing but that the attempt was received; then the score, and of the questions what the settings allow.

    While the exam's window is open, or somebody who began in it has time left, questions are shown to nobody, also where results go out at once.
    """
    is_over = is_released and not is_open
    return Sight(is_released, is_over and allow_review, is_over and show_answers)
