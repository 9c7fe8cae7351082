"""The people of the demonstration: centres, classes, staff and students, the same at every start."""

from dataclasses import dataclass

# One for everybody, printed where the demonstration is started; ten characters and more, as every password here must have.
DEMO_PASSWORD = "a-calm-exam-hall"
ACADEMIC_YEAR = "2025/2026"
STUDENTS_OF_A_CLASS = 20
MAIL_DOMAIN = "students.examhall.example"


@dataclass(frozen=True)
class Centre:
    """A place where students are taught and sit their exams."""

    code: str
    name: str


@dataclass(frozen=True)
class SchoolClass:
    """A class of one centre; `specialization` and `level` are those of all its students."""

    key: str
    name: str
    section: str
    centre: str
    teachers: tuple[str, ...]
    specialization: str
    level: str
    academic_year: str = ACADEMIC_YEAR


@dataclass(frozen=True)
class Staff:
    """Somebody who works at the institution, known by `email`; `centre` is the code of theirs, if they belong to one."""

    role: str
    name: str
    email: str
    centre: str | None = None


@dataclass(frozen=True)
class Student:
    """Somebody who sits exams, known by the registration number."""

    registration_number: str
    name: str
    email: str
    school_class: str
    centre: str
    specialization: str
    level: str
    extra_time_percent: int = 0
    break_minutes: int = 0


CENTRES = (
    Centre("HBR", "Harbour Campus"),
    Centre("HLS", "Hillside Campus"),
)

ADMIN = Staff("admin", "Ilse Vantongeren", "admin@examhall.example")
CENTRE_ADMINS = (
    Staff("centre_admin", "Kwabena Ofosu-Mintah", "harbour@examhall.example", "HBR"),
    Staff("centre_admin", "Marisol Echeberri", "hillside@examhall.example", "HLS"),
)
INSTRUCTORS = (
    Staff("instructor", "Noor Al-Haddawi", "noor@examhall.example", "HBR"),
    Staff("instructor", "Tomasz Wierzbinski", "tomasz@examhall.example", "HBR"),
    Staff("instructor", "Adaeze Nwachinemere", "adaeze@examhall.example", "HBR"),
    Staff("instructor", "Henrik Sandvoll", "henrik@examhall.example", "HLS"),
    Staff("instructor", "Priyanka Deshmalkar", "priyanka@examhall.example", "HLS"),
)
PROCTOR = Staff("proctor", "Leilani Kapuahi", "proctor@examhall.example", "HBR")
EVALUATOR = Staff("evaluator", "Emre Dalkilinc", "evaluator@examhall.example", "HLS")
STAFF = (ADMIN, *CENTRE_ADMINS, *INSTRUCTORS, PROCTOR, EVALUATOR)

CLASSES = (
    SchoolClass(
        "HBR-ME1", "Mechanics 1", "A", "HBR", ("noor@examhall.example",), "Mechanical Engineering", "undergraduate"
    ),
    SchoolClass(
        "HBR-CE1",
        "Civil works 1",
        "A",
        "HBR",
        ("noor@examhall.example", "tomasz@examhall.example"),
        "Civil Engineering",
        "undergraduate",
    ),
    SchoolClass(
        "HBR-CS2",
        "Computing 2",
        "B",
        "HBR",
        ("adaeze@examhall.example",),
        "Computer Science Engineering",
        "undergraduate",
    ),
    SchoolClass(
        "HLS-EE1", "Electrics 1", "A", "HLS", ("henrik@examhall.example",), "Electrical Engineering", "undergraduate"
    ),
    SchoolClass(
        "HLS-BM2", "Biomedicine 2", "A", "HLS", ("priyanka@examhall.example",), "Biomedical Engineering", "postgraduate"
    ),
    SchoolClass(
        "HLS-ST2",
        "Structures 2",
        "A",
        "HLS",
        ("henrik@examhall.example", "priyanka@examhall.example"),
        "Structural Engineering",
        "postgraduate",
    ),
)

_GIVEN_NAMES = (
    "Amara Bence Chiara Dagny Emeka Farida Gustavo Hinata Ines Jomo Katarzyna Lwazi Mirela Naveen Oyelaran Paloma Quang "
    "Rosalind Sefa Tindra Uri Valentina Wanjiru Ximena Yusuf Zofia Anahera Bilal Cosmin Delphine"
).split()
_FAMILY_NAMES = (
    "Achterdijk Balogun-Hale Castellari Dimitrescu Eskelund Fonoti Garimberti Hoshikawa Iversholm Jaramunda Kowalewicz "
    "Lindqvara Mbekwane Nakashiro Oduyemi Pellegrand Qureshani Rautavaara Szentmari Tamihana"
).split()
# (extra time in percent, minutes of breaks) by place in the list of students.
_ACCOMMODATIONS = {7: (25, 0), 31: (25, 15), 58: (50, 0), 83: (0, 20), 112: (25, 0)}


def _students() -> tuple[Student, ...]:
    """Walks both lists of names in steps without a common divisor, so that no name comes twice (30 and 20 names: 60 steps
    together, and after each 60 the family names are moved on by one)."""
    students = []
    for place in range(len(CLASSES) * STUDENTS_OF_A_CLASS):
        school_class = CLASSES[place // STUDENTS_OF_A_CLASS]
        given = _GIVEN_NAMES[place * 7 % len(_GIVEN_NAMES)]
        family = _FAMILY_NAMES[(place * 3 + place // 60) % len(_FAMILY_NAMES)]
        extra_time_percent, break_minutes = _ACCOMMODATIONS.get(place, (0, 0))
        students.append(
            Student(
                registration_number=f"{school_class.centre}-26-{place + 1:04d}",
                name=f"{given} {family}",
                email=f"{given}.{family}@{MAIL_DOMAIN}".lower(),
                school_class=school_class.key,
                centre=school_class.centre,
                specialization=school_class.specialization,
                level=school_class.level,
                extra_time_percent=extra_time_percent,
                break_minutes=break_minutes,
            )
        )
    return tuple(students)


STUDENTS = _students()
