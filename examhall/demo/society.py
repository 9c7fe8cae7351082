"""'Structures and Society': objective questions and two essays that a person marks with a rubric."""

from examhall.demo.writing import (
    About,
    DemoExam,
    essay,
    multiple_select,
    numeric,
    short_answer,
    single_choice,
    true_false,
)


def _about(points: str, topic: str, difficulty: str, explanation: str) -> About:
    return About(points, "0", topic, difficulty, explanation)


_QUESTIONS = (
    single_choice(
        "In November 1940 the first Tacoma Narrows bridge fell in a wind of about 19 m/s. What destroyed it?",
        "A twisting motion that drew energy from the wind and fed itself",
        "The dead weight of its deck",
        "An earthquake during construction",
        "Traffic beyond its design load",
        about=_about(
            "2", "Failures", "medium", "Torsional flutter of a thin, narrow deck; no gust had to match its rhythm."
        ),
    ),
    multiple_select(
        "Which loads does a building code treat as variable rather than permanent?",
        ["Snow on the roof", "People and furniture", "Wind"],
        ["The weight of the floor slab", "The weight of fixed walls"],
        _about("3", "Codes", "easy", "Permanent is what stays in place for the building's life."),
    ),
    true_false(
        "A factor of safety of 2 means that a structure of that kind fails in one case of two.",
        False,
        _about("1", "Codes", "easy", "It compares resistance with the expected load; it is not a probability."),
    ),
    numeric(
        "A footbridge of 60 m² is designed for 5.0 kN/m² of people. How many people of 0.75 kN each is that?",
        "400",
        _about("2", "Codes", "easy", "60 · 5.0 / 0.75 = 400."),
        absolute="0",
    ),
    short_answer(
        "What is a structure called that keeps standing when one of its members is lost, since the load finds another way?",
        "redundant",
        "redundant structure",
        "robust",
        "robust structure",
        about=_about(
            "2", "Failures", "medium", "Redundancy gives the load a second path; robustness is the aim it serves."
        ),
    ),
    single_choice(
        "What does an engineer owe first when a client's wish and the safety of the public disagree?",
        "The safety of the public",
        "The client's instruction",
        "The contract's deadline",
        "The employer's profit",
        about=_about("1", "Ethics", "easy", "Every code of conduct of the profession puts it first."),
    ),
    multiple_select(
        "Which of these lower the carbon dioxide that a concrete building causes over its life?",
        ["Replacing part of the clinker by ground slag", "Keeping an old frame instead of demolishing it"],
        ["Adding cement to be on the safe side", "Building more storeys of parking than are needed"],
        _about(
            "2", "Sustainability", "medium", "Clinker burning releases most of it, and what already stands costs none."
        ),
    ),
    numeric(
        "Making 1 m³ of a concrete causes 240 kg of CO₂. How many tonnes do 350 m³ cause?",
        "84",
        _about("2", "Sustainability", "easy", "350 · 240 kg = 84 000 kg."),
        relative="0.01",
        unit="t",
    ),
)

_ESSAYS = (
    essay(
        "A city may either repair its 90-year-old steel bridge for 30 more years or build a new one for 100. Name what you would "
        "find out before you decide, and say how you would weigh it. (About 300 words.)",
        rubric=(
            "3 points: at least three facts to find out (condition and remaining fatigue life, traffic to come, cost over the whole "
            "life, emissions, heritage, disruption), each with the reason why it matters. "
            "3 points: a way of weighing them that can be followed (same span of years, discounting or scenarios, what can't be "
            "priced is named). "
            "2 points: uncertainty is faced: what if the inspection or the forecast is wrong. "
            "2 points: clear order and language."
        ),
        sample_answer=(
            "First I would have the bridge inspected, since all else depends on how much fatigue life its riveted joints have left. "
            "Next I would ask what traffic is expected: a repair that has to be widened in ten years is no repair. Costs are compared "
            "over the same hundred years, so the repair is charged with what follows it, and later costs are discounted at two rates "
            "to see whether the order changes. Emissions of new steel and concrete are counted beside the detours of a long closure. "
            "What has no price, such as the bridge as a landmark, is put before the council in words and not hidden in a number. "
            "Because the inspection may be wrong, I favour the option that leaves a way back: repair with monitoring, with the "
            "replacement designed and the money for it set aside, unless the joints prove worn; then waiting only adds danger."
        ),
        about=About("10", topic="Decisions", difficulty="hard", is_required=True),
    ),
    essay(
        "Choose a failure of a structure that you know. Explain what failed technically, what failed among the people, and one rule "
        "that came, or should have come, out of it. (About 250 words.)",
        rubric=(
            "3 points: the technical cause is right and is explained by loads, resistance or stability. "
            "3 points: the human side: who knew, who checked, what pressure there was. "
            "2 points: one rule that follows from the two before, precise enough to be checked. "
            "2 points: clear order and language."
        ),
        sample_answer=(
            "In 1981 two hanging walkways fell in a hotel in Kansas City. As designed, long rods carried both walkways; as built, the "
            "lower one hung from the beams of the upper one, so the joint there had to carry twice the load, and even the original "
            "joint had been too weak for the code. Among the people, the change was made on a workshop drawing for ease of assembly "
            "and was approved without a calculation; each side believed that the other had checked. The rule: whoever changes how a "
            "load travels has to calculate it anew, and a named engineer signs for every connection, not only for the members."
        ),
        about=About("10", topic="Failures", difficulty="hard"),
    ),
)

SOCIETY = DemoExam(
    key="society",
    instructor="priyanka@examhall.example",
    body={
        "title": "Structures and Society",
        "subject": "Engineering and society",
        "kind": "exam",
        "instructions": "90 minutes. Eight short questions and two essays, which make up more than half of the points.",
        "settings": {
            "duration_seconds": 5400,
            "randomize_questions": False,
            "randomize_options": True,
            "allow_review_before_submit": True,
            "allow_review_after_submit": True,
            "show_answers_after_submit": True,
            "passing_percentage": "60",
            "release_automatically": False,
            "multiple_select": "all_or_nothing",
            "floor_question_at_zero": True,
            "floor_total_at_zero": True,
        },
    },
    questions=(*_QUESTIONS, *_ESSAYS),
    classes=("HBR-CE1", "HLS-BM2", "HLS-ST2"),
    proctors=("proctor@examhall.example",),
    evaluators=("evaluator@examhall.example",),
)
