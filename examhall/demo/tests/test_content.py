from collections import Counter

from examhall.demo.content import CENTRES, CLASSES, DEMO_PASSWORD, INSTRUCTORS, STAFF, STUDENTS


def test_the_institution_has_the_promised_size():
    assert len(CENTRES) == 2
    assert len(CLASSES) == 6
    assert len(STUDENTS) == 120
    assert Counter(person.role for person in STAFF) == {
        "admin": 1,
        "centre_admin": 2,
        "instructor": 5,
        "proctor": 1,
        "evaluator": 1,
    }


def test_nobody_shares_a_name_an_address_or_a_registration_number():
    people = [*STAFF, *STUDENTS]
    assert len({person.name for person in people}) == len(people)
    assert len({person.email for person in people}) == len(people)
    assert len({student.registration_number for student in STUDENTS}) == len(STUDENTS)


def test_every_student_sits_in_a_class_of_the_own_centre():
    centre_of = {school_class.key: school_class.centre for school_class in CLASSES}
    assert all(centre_of[student.school_class] == student.centre for student in STUDENTS)
    assert set(Counter(student.school_class for student in STUDENTS).values()) == {20}


def test_classes_are_taught_by_instructors_of_their_centre_and_no_instructor_is_idle():
    centre_of = {instructor.email: instructor.centre for instructor in INSTRUCTORS}
    assert all(centre_of[teacher] == each.centre for each in CLASSES for teacher in each.teachers)
    assert {teacher for each in CLASSES for teacher in each.teachers} == set(centre_of)


def test_the_shared_password_is_long_enough_and_names_nobody():
    assert len(DEMO_PASSWORD) >= 10
    assert not any(part.lower() in DEMO_PASSWORD for person in STAFF for part in person.name.split())


def test_all_addresses_are_of_the_reserved_domain():
    assert all(person.email.endswith(".example") and person.email.isascii() for person in [*STAFF, *STUDENTS])
