"""Writes the dashboards as JSON, or checks that they are what the code says.

python -m deploy.dashboards write
python -m deploy.dashboards check
"""

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.dashboards import databases, exam_day, kafka_and_outbox, proctoring, promises, services
from deploy.dashboards.panels import built

FOLDER = Path(__file__).resolve().parent.parent / "grafana"
DASHBOARDS = [each.DASHBOARD for each in (exam_day, services, kafka_and_outbox, databases, proctoring, promises)]


def rendered() -> dict[str, str]:
    """The text of each dashboard's file by its name."""
    return {
        f"{each.name}.json": JSONEncoder(sort_keys=True, indent=2).encode(built(each).build()) + "\n"
        for each in DASHBOARDS
    }


def main(arguments: list[str]) -> None:
    """The command line of this module."""
    match arguments:
        case ["write"]:
            for name, text in rendered().items():
                (FOLDER / name).write_text(text)
        case ["check"]:
            there = {file.name: file.read_text() for file in FOLDER.glob("*.json")}
            if there != rendered():
                sys.exit("deploy/grafana differs from deploy/dashboards: python -m deploy.dashboards write")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
