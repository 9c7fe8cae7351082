"""The command line of the check on a node."""

import argparse
import sys
from collections.abc import Sequence

from deploy.check.node.beside import kafka_jars
from deploy.check.node.machine import lacks, require_images, run_apart, search_path
from deploy.check.programs import Missing, programs, programs_of_a_node, programs_of_pods, versions
from deploy.images.contents import IMAGES

# Neither right nor wrong: it was not tried.
NOT_TRIED = 3


def main(arguments: Sequence[str]) -> None:
    """Exits with 1 when something is wrong, and with NOT_TRIED when something is missing; the message says what."""
    parser = argparse.ArgumentParser(
        "python -m deploy.check node",
        description="Runs the chart on one node of Kubernetes, with the images in its pods.",
    )
    parser.add_argument("--prefix", default="", metavar="REGISTRY/", help="before the images' names; none by default")
    parser.add_argument("--tag", default="0.1.0", help="of the images; %(default)s by default")
    chosen = parser.parse_args(arguments)
    try:
        if missing := lacks(search_path()):
            raise Missing("\n- ".join(["", *missing]))
        require_images([f"{chosen.prefix}examhall-{name}:{chosen.tag}" for name in IMAGES])
        kafka_jars()
        for build in (lambda: programs(versions()[-1]), programs_of_a_node, programs_of_pods):
            build()
    except Missing as error:
        sys.stderr.write(f"The chart was not run on a node, since something is missing. {error}\n")
        sys.exit(NOT_TRIED)
    sys.exit(run_apart("deploy.check.node.inside", chosen.prefix.rstrip("/"), chosen.tag))


if __name__ == "__main__":
    main(sys.argv[1:])
