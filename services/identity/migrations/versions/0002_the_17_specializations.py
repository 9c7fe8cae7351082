"""The 17 engineering specializations."""

from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SPECIALIZATIONS = (
    ("AE", "Aeronautical Engineering", "Flight: aerodynamics, propulsion, and the structure and control of aircraft."),
    ("AG", "Agricultural Engineering", "Machines, water and buildings for growing and processing food."),
    (
        "AR",
        "Artificial Intelligence and Robotics Engineering",
        "Systems that perceive, learn and decide, and the robots they drive.",
    ),
    ("BM", "Biomedical Engineering", "Instruments, implants and imaging for medicine."),
    ("CH", "Chemical Engineering", "Processes and plants that turn raw substances into products."),
    ("CE", "Civil Engineering", "Roads, bridges, water supply and the ground they stand on."),
    ("CS", "Computer Science Engineering", "Algorithms, software, networks and the machines that run them."),
    ("EE", "Electrical Engineering", "Generating, moving and using electric power."),
    ("EC", "Electronics and Communication Engineering", "Circuits, signals and the links that carry them."),
    ("ME", "Mechanical Engineering", "Machines, heat and motion: how things are designed, made and kept running."),
    ("MT", "Metallurgical Engineering", "Winning metals from ore, and shaping their properties."),
    ("MN", "Mining Engineering", "Finding and extracting minerals, safely for people and land."),
    ("PE", "Petroleum Engineering", "Reservoirs, drilling and the production of oil and gas."),
    ("PR", "Production Engineering", "Manufacturing processes, quality and the organisation of a factory."),
    ("RO", "Robotics Engineering", "Mechanics, sensing and control of robots."),
    ("SE", "Structural Engineering", "How loads find their way through buildings, and why they stay up."),
    ("TE", "Telecommunication Engineering", "Networks, transmission and switching over fibre, copper and air."),
)


def upgrade() -> None:
    table = sa.table(
        "specializations", sa.column("id", sa.Uuid), sa.column("name"), sa.column("code"), sa.column("description")
    )
    op.bulk_insert(
        table,
        [
            {
                "id": uuid5(NAMESPACE_URL, f"examhall/specialization/{code}"),
                "name": name,
                "code": code,
                "description": text,
            }
            for code, name, text in SPECIALIZATIONS
        ],
    )


def downgrade() -> None:
    op.execute("DELETE FROM specializations")
