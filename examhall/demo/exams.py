"""The three exams of the demonstration, each of a different make."""

from examhall.demo.foundations import FOUNDATIONS
from examhall.demo.society import SOCIETY
from examhall.demo.warm_up import WARM_UP
from examhall.demo.writing import DemoExam

EXAMS: tuple[DemoExam, ...] = (FOUNDATIONS, SOCIETY, WARM_UP)
