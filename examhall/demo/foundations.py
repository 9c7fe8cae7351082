"""'Foundations of Engineering': objective questions of every type, with negative marking, partial credit and a draw."""

from examhall.demo.writing import (
    About,
    Bank,
    DemoExam,
    Draw,
    Json,
    multiple_select,
    numeric,
    short_answer,
    single_choice,
    true_false,
)

BANK = "Units, safety and drawing"


def _choice(topic: str, difficulty: str, explanation: str, points: str = "2", penalty: str = "0.5") -> About:
    """A question that a blind guess should not pay for: a wrong choice costs a quarter of what the right one gives."""
    return About(points, penalty, topic, difficulty, explanation)


def _worked(topic: str, difficulty: str, explanation: str, points: str = "3") -> About:
    """A question that has to be worked out: nothing is taken for a wrong answer."""
    return About(points, "0", topic, difficulty, explanation)


_MECHANICS: tuple[Json, ...] = (
    single_choice(
        "A ladder leans against a smooth (frictionless) wall and stands on rough ground. Which force keeps its foot from sliding away?",
        "Friction at the ground, towards the wall",
        "The wall's normal force, away from the wall",
        "The ladder's weight",
        "The ground's normal force",
        about=_choice(
            "Mechanics", "easy", "Horizontally only the wall's push and the ground's friction act; they balance."
        ),
    ),
    single_choice(
        "Two forces of 30 N and 40 N act on one point at right angles. How large is their resultant?",
        "50 N",
        "70 N",
        "10 N",
        "35 N",
        about=_choice("Mechanics", "easy", "√(30² + 40²) = 50."),
    ),
    numeric(
        "A simply supported beam spans 6.0 m and carries 4.0 kN/m over its whole length. How large is the bending moment at midspan?",
        "18",
        _worked("Mechanics", "medium", "wL²/8 = 4.0 · 36 / 8 = 18 kN·m."),
        relative="0.01",
        unit="kN·m",
    ),
    numeric(
        "A car brakes evenly from 20 m/s to rest over 40 m. How large is its deceleration? Give the unit.",
        "5",
        _worked("Mechanics", "medium", "v² = 2as, so a = 400 / 80 = 5 m/s²."),
        absolute="0.05",
        unit="m/s²",
        unit_required=True,
    ),
    true_false(
        "A body that moves at constant speed on a circle has no acceleration.",
        False,
        _choice(
            "Mechanics",
            "easy",
            "Its velocity changes direction: the acceleration v²/r points to the centre.",
            "1",
            "0.5",
        ),
    ),
    multiple_select(
        "Which of these quantities are vectors?",
        {"Momentum": "1", "Torque": "1", "Displacement": "1"},
        ["Kinetic energy", "Pressure"],
        _choice("Mechanics", "medium", "Energy and pressure have a size but no direction.", "3", "1"),
    ),
)

_MATERIALS: tuple[Json, ...] = (
    single_choice(
        "What does the slope of the first, straight part of a metal's stress–strain curve give?",
        "Young's modulus",
        "Yield strength",
        "Toughness",
        "Hardness",
        about=_choice("Materials", "easy", "Stress over strain in the elastic range is Young's modulus."),
    ),
    numeric(
        "A steel bar of cross-section 200 mm² is pulled with 30 kN. How large is the stress in MPa?",
        "150",
        _worked("Materials", "easy", "30 000 N / 200 mm² = 150 N/mm² = 150 MPa.", "2"),
        absolute="0.5",
        unit="MPa",
    ),
    multiple_select(
        "Which measures raise the resistance of a steel part to fatigue?",
        {"Shot peening its surface": "1.5", "Rounding sharp inner corners": "1.5"},
        ["Leaving tool marks across the direction of load", "Drilling extra holes near the notch"],
        _choice(
            "Materials", "medium", "Compressed skin and low stress concentration both delay the first crack.", "3", "1"
        ),
    ),
    true_false(
        "Concrete is much stronger in compression than in tension.",
        True,
        _choice(
            "Materials", "easy", "Roughly ten times; hence the steel reinforcement on the tension side.", "1", "0.5"
        ),
    ),
    short_answer(
        "What is the slow, permanent deformation of a material under constant stress, fastest at high temperature, called?",
        "creep",
        "creeping",
        about=_worked("Materials", "medium", "Creep limits turbine blades and lead roofs alike.", "2"),
    ),
)

_HEAT: tuple[Json, ...] = (
    numeric(
        "A heat engine works between 600 K and 300 K. How large is its greatest possible efficiency, in percent?",
        "50",
        _worked("Thermodynamics", "easy", "1 − 300/600 = 0.5.", "2"),
        absolute="0.1",
        unit="%",
    ),
    single_choice(
        "In which process does a gas exchange no heat with its surroundings?",
        "Adiabatic",
        "Isothermal",
        "Isobaric",
        "Isochoric",
        about=_choice("Thermodynamics", "easy", "From the Greek for 'not to be passed through'."),
    ),
    numeric(
        "How much heat warms 2.0 kg of water by 30 K? Take c = 4.19 kJ/(kg·K) and answer in kJ.",
        "251.4",
        _worked("Thermodynamics", "medium", "2.0 · 4.19 · 30 = 251.4 kJ."),
        relative="0.01",
        unit="kJ",
    ),
    true_false(
        "The entropy of an isolated system can fall over time in a real process.",
        False,
        _choice("Thermodynamics", "medium", "The second law: it grows, or at best stays.", "1", "0.5"),
    ),
    multiple_select(
        "Through which of these can heat cross a vacuum-insulated flask's evacuated gap, or leave it by its neck?",
        {"Radiation across the gap": "1", "Conduction along the neck": "1"},
        ["Convection in the gap", "Conduction through the gap"],
        _choice(
            "Thermodynamics", "hard", "A vacuum leaves radiation only; the neck is solid and conducts.", "2", "0.5"
        ),
    ),
)

_ELECTRICITY: tuple[Json, ...] = (
    numeric(
        "Resistors of 6 Ω and 3 Ω are connected in parallel. What is their resistance together, in ohms?",
        "2",
        _worked("Electricity", "easy", "(6 · 3) / (6 + 3) = 2 Ω.", "2"),
        absolute="0.01",
        unit="Ω",
    ),
    numeric(
        "A kettle takes 9.2 A from a 230 V supply. What is its power? Give the unit.",
        "2116",
        _worked("Electricity", "easy", "230 · 9.2 = 2116 W.", "2"),
        relative="0.005",
        unit="W",
        unit_required=True,
    ),
    single_choice(
        "A capacitor of 100 µF is charged through 10 kΩ. After about how long has it reached 63 % of the supply voltage?",
        "1 s",
        "0.1 s",
        "10 s",
        "63 s",
        about=_choice("Electricity", "medium", "One time constant: RC = 10⁴ · 10⁻⁴ s = 1 s."),
    ),
    short_answer(
        "Whose law says that the sum of the currents into a node is zero? Give the surname.",
        "Kirchhoff",
        "Kirchhoff's",
        "Kirchhoffs",
        about=_worked("Electricity", "easy", "Kirchhoff's current law follows from the conservation of charge.", "2"),
    ),
    multiple_select(
        "Which of these change the voltage at the output of an ideal, unloaded transformer?",
        [
            "The number of turns of the primary coil",
            "The number of turns of the secondary coil",
            "The voltage at its input",
        ],
        ["The thickness of the wire"],
        _choice("Electricity", "medium", "U₂ = U₁ · N₂ / N₁; an ideal wire has no resistance.", "3", "1"),
    ),
)

_FLUIDS: tuple[Json, ...] = (
    single_choice(
        "Water flows without losses through a level pipe that narrows. What happens in the narrow part?",
        "Its speed rises and its pressure falls",
        "Its speed and its pressure rise",
        "Its speed falls and its pressure rises",
        "Its speed and its pressure fall",
        about=_choice("Fluids", "medium", "Continuity raises the speed, Bernoulli's equation lowers the pressure."),
    ),
    numeric(
        "How large is the pressure of the water alone at a depth of 12 m? Take ρ = 1000 kg/m³, g = 9.81 m/s²; answer in kPa.",
        "117.72",
        _worked("Fluids", "easy", "ρgh = 1000 · 9.81 · 12 = 117 720 Pa."),
        relative="0.005",
        unit="kPa",
    ),
    numeric(
        "Water (ν = 1.0e-6 m²/s) flows at 0.50 m/s through a pipe of 40 mm diameter. What is the Reynolds number?",
        "20000",
        _worked("Fluids", "medium", "vd/ν = 0.50 · 0.040 / 10⁻⁶ = 2 · 10⁴: turbulent."),
        relative="0.01",
    ),
    true_false(
        "A ship floats higher in sea water than in fresh water.",
        True,
        _choice("Fluids", "easy", "Denser water: a smaller volume of it weighs as much as the ship.", "1", "0.5"),
    ),
)

_COMPUTING: tuple[Json, ...] = (
    single_choice(
        "How many comparisons does a binary search among 1,000 sorted values need at most?",
        "10",
        "32",
        "500",
        "999",
        about=_choice("Computing", "medium", "2¹⁰ = 1024 is the first power of two above 1,000."),
    ),
    short_answer(
        "Write the hexadecimal number that equals decimal 255, without a prefix, in capital letters.",
        "FF",
        about=_worked("Computing", "easy", "15 · 16 + 15 = 255.", "1"),
        case_sensitive=True,
    ),
    multiple_select(
        "Which statements about measuring the same length ten times hold?",
        {"The mean is steadier than a single reading": "1", "A scale that reads 1 mm too long misleads all ten": "2"},
        ["Repeating removes every systematic error", "The spread tells how far the mean is from the true value"],
        _choice(
            "Computing",
            "hard",
            "Repetition averages chance out, but never a bias, and the spread cannot show one.",
            "3",
            "1",
        ),
    ),
    numeric(
        "The derivative of f(x) = 3x² − 4x is evaluated at x = 2. What is its value?",
        "8",
        _worked("Computing", "easy", "f′(x) = 6x − 4; f′(2) = 8.", "2"),
        absolute="0",
    ),
    true_false(
        "With floating-point numbers of 64 bits, 0.1 + 0.2 equals 0.3 exactly.",
        False,
        _choice(
            "Computing",
            "medium",
            "None of the three has a finite binary expansion; the sum is 0.30000000000000004.",
            "1",
            "0.5",
        ),
    ),
)


def _drawn(difficulty: str, explanation: str) -> About:
    return About("1", "0.25", "Units and safety", difficulty, explanation)


_BANK_QUESTIONS: tuple[Json, ...] = (
    single_choice(
        "Which of these is a base unit of the SI?",
        "Kelvin",
        "Newton",
        "Litre",
        "Volt",
        about=_drawn("easy", "The seven: second, metre, kilogram, ampere, kelvin, mole, candela."),
    ),
    single_choice(
        "Which combination of SI units is a watt?",
        "kg·m²/s³",
        "kg·m/s²",
        "kg·m²/s²",
        "kg/(m·s²)",
        about=_drawn("medium", "A joule each second: kg·m²/s² over s."),
    ),
    single_choice(
        "How many significant figures has 0.00450?",
        "3",
        "2",
        "5",
        "6",
        about=_drawn("easy", "Leading zeros do not count, the last zero does."),
    ),
    single_choice(
        "A drawing is made at a scale of 1:50. How long is a wall of 4 m drawn?",
        "80 mm",
        "8 mm",
        "200 mm",
        "50 mm",
        about=_drawn("easy", "4000 mm / 50 = 80 mm."),
    ),
    true_false(
        "In a technical drawing, an edge hidden from view is drawn as a dashed line.",
        True,
        _drawn("easy", "Dashed for hidden edges, chain lines for axes."),
    ),
    true_false(
        "A machine's guard may be taken off while it runs, provided that a second person watches.",
        False,
        _drawn("easy", "A guard stays until the machine is stopped and locked against starting."),
    ),
    single_choice(
        "In which order are risks at work reduced?",
        "Remove the danger, then guard it, then instruct, then protective equipment",
        "Protective equipment, then instruct, then guard, then remove the danger",
        "Instruct, then protective equipment, then guard, then remove the danger",
        "Guard it, then protective equipment, then remove the danger, then instruct",
        about=_drawn("medium", "The hierarchy of controls: what depends on people's care comes last."),
    ),
    short_answer(
        "Which SI prefix stands for 10⁻⁹? Give its name.",
        "nano",
        "nano-",
        about=_drawn("easy", "milli, micro, nano, pico: each a thousandth of the one before."),
    ),
)

FOUNDATIONS = DemoExam(
    key="foundations",
    instructor="noor@examhall.example",
    body={
        "title": "Foundations of Engineering",
        "subject": "Engineering",
        "kind": "exam",
        "instructions": (
            "60 minutes. A wrong choice costs part of its points, a blank answer nothing. Where several options can be right, "
            "each right one earns its share. Numbers may be written with a comma or a point; give the unit where it is asked for."
        ),
        "settings": {
            "duration_seconds": 3600,
            "randomize_questions": True,
            "randomize_options": True,
            "allow_review_before_submit": True,
            "allow_review_after_submit": True,
            "show_answers_after_submit": False,
            "passing_percentage": "50",
            "release_automatically": False,
            "multiple_select": "partial_credit",
            "floor_question_at_zero": False,
            "floor_total_at_zero": True,
        },
    },
    questions=(*_MECHANICS, *_MATERIALS, *_HEAT, *_ELECTRICITY, *_FLUIDS, *_COMPUTING),
    banks=(Bank(BANK, "Short questions that every engineer should pass.", "Engineering", _BANK_QUESTIONS),),
    draws=(Draw(BANK, 4),),
    proctors=("proctor@examhall.example",),
)
