"""'Warm-up: units and estimates': a practice quiz to be taken as often as one likes, with the results at once."""

from examhall.demo.writing import About, DemoExam, multiple_select, numeric, short_answer, single_choice, true_false


def _easy(topic: str, explanation: str, points: str = "1") -> About:
    return About(points, "0", topic, "easy", explanation)


_QUESTIONS = (
    numeric(
        "How fast is 90 km/h in m/s?",
        "25",
        _easy("Units", "90 / 3.6 = 25."),
        absolute="0.01",
        unit="m/s",
    ),
    single_choice(
        "About how heavy is the air in a room of 5 m × 4 m × 2.5 m?",
        "60 kg",
        "0.6 kg",
        "6 kg",
        "600 kg",
        about=_easy("Estimates", "50 m³ at 1.2 kg/m³."),
    ),
    true_false(
        "A hectare is a square with sides of 100 m.", True, _easy("Units", "10 000 m²; any shape of that area will do.")
    ),
    numeric(
        "About how many seconds has a year? Within 5 % is near enough.",
        "31557600",
        _easy("Estimates", "365.25 · 24 · 3600; π · 10⁷ is a good way to remember it.", "2"),
        relative="0.05",
        unit="s",
    ),
    short_answer(
        "Which unit, named after a French scientist, equals one newton per square metre?",
        "pascal",
        "Pa",
        "pascals",
        about=_easy("Units", "1 Pa is small: air presses with about 100 000 of them."),
    ),
    multiple_select(
        "Which of these are energies?",
        ["1 kWh", "5 J", "2 N·m of work"],
        ["3 kW", "7 N"],
        _easy("Units", "A kilowatt is power, a newton is force.", "3"),
    ),
    single_choice(
        "How often does a heart beat in a day, roughly?",
        "100 000 times",
        "1 000 times",
        "10 000 times",
        "10 000 000 times",
        about=_easy("Estimates", "70 a minute · 1440 minutes."),
    ),
    numeric(
        "A bottle holds 0.75 L. How many cubic centimetres is that?",
        "750",
        _easy("Units", "1 L = 1000 cm³."),
        absolute="0",
        unit="cm³",
    ),
)

WARM_UP = DemoExam(
    key="warm-up",
    instructor="henrik@examhall.example",
    body={
        "title": "Warm-up: units and estimates",
        "subject": "Engineering",
        "kind": "practice",
        "instructions": "Take it as often as you like. The result and the right answers are there as soon as you hand in.",
        "settings": {
            "duration_seconds": 900,
            "randomize_questions": True,
            "randomize_options": True,
            "allow_review_before_submit": True,
            "allow_review_after_submit": True,
            "show_answers_after_submit": True,
            "passing_percentage": "70",
            "release_automatically": True,
            "multiple_select": "partial_credit",
            "floor_question_at_zero": True,
            "floor_total_at_zero": True,
        },
    },
    questions=_QUESTIONS,
    max_attempts=0,
)
