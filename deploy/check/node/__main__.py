"""The command line of the check on a node."""

import argparse
import sys
from collections.abc import Sequence

from deploy.check.lacking import or_not_tried, require
from deploy.check.node.beside import kafka_jars
from deploy.check.node.machine import lacks, lacks_images, run_apart, search_path
from deploy.check.programs import programs, programs_of_a_node, programs_of_pods, versions
from deploy.images.contents import IMAGES


def main(arguments: Sequence[str]) -> None:
    """Exits with 1 when something is wrong, and with lacking.NOT_TRIED when something is missing; the message says what."""
    parser = argparse.ArgumentParser(
        "python -m deploy.check node",
        description="Runs the chart on one node of Kubernetes, with the images in its pods.",
    )
    parser.add_argument("--prefix", default="", metavar="REGISTRY/", help="before the images' names; none by default")
    parser.add_argument("--tag", default="0.1.0", help="of the images; %(default)s by default")
    chosen = parser.parse_args(arguments)
    images = [f"{chosen.prefix}examhall-{name}:{chosen.tag}" for name in IMAGES]
    with or_not_tried("The chart was not run on a node"):
        require([*lacks(search_path()), *lacks_images(images)])
        kafka_jars()
        for build in (lambda: programs(versions()[-1]), programs_of_a_node, programs_of_pods):
            build()
    sys.exit(run_apart("deploy.check.node.inside", chosen.prefix.rstrip("/"), chosen.tag))


if __name__ == "__main__":
    main(sys.argv[1:])
