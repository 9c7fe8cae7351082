"""The demonstration: an invented institution that a fresh installation can be tried with.

Two centres with six classes, their staff, 120 students, and three exams worth sitting: `content` holds the people, `exams`
what is put into the catalogue. Everything here is plain data, the same at every start, with invented names and addresses of
the reserved domain `.example`. Loading it is a choice made at start; a production installation goes without it.
"""
