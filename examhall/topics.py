"""Every topic of an installation, made on a Kafka that does not make topics on first use. How long they keep what they are told is the brokers' default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka.admin import NewTopic

from chassis.kafka import close_all, make_topics, new_admin
from examhall.serving import installed_services, workers_of
from proto.catalogue import TOPICS

# With three replicas or more, an acknowledged message outlives the loss of any one.
_SAFE_REPLICATION, _SAFE_REPLICAS = 3, 2


@dataclass(frozen=True)
class Topics:
    """What became of the topics: those that were made, and those that were there with another number of partitions."""

    wanted: Sequence[str]
    made: Sequence[str]
    cut_otherwise: Mapping[str, int]


async def make_all(bootstrap_servers: str, partitions: int, replication: int) -> Topics:
    """Makes what is missing: the catalogue's topics, their dead letters, and where the stream's tables lie. Twice does no harm. Raises KafkaError."""
    wanted = topics(partitions, replication)
    made = await make_topics(bootstrap_servers, wanted)
    names = [topic.name for topic in wanted]
    kept = [name for name in names if name not in made]
    there = await _partitions_of(kept, bootstrap_servers)
    return Topics(names, made, {name: there[name] for name in kept if there[name] != partitions})


def topics(partitions: int, replication: int) -> list[NewTopic]:
    """All that is wanted; the stream's changelogs where the stream is installed."""
    settings = {"min.insync.replicas": str(_SAFE_REPLICAS)} if replication >= _SAFE_REPLICATION else {}
    names = [name for topic in TOPICS for name in (topic.name, f"{topic.name}.dlq")]
    wanted = [NewTopic(name, partitions, replication, topic_configs=settings) for name in names]
    if workers_of(installed_services()):
        from services.proctoring.stream.app import topics as stream_topics

        compacted = {**settings, "cleanup.policy": "compact"}  # of each key the newest message stays for ever
        changelogs = [topic.name for topic in stream_topics() if topic.is_compacted]
        wanted += [NewTopic(name, partitions, replication, topic_configs=compacted) for name in changelogs]
    return wanted


def left_out() -> str | None:
    """What can't be told here of an installation's topics, and who can; None when nothing is left out."""
    if workers_of(installed_services()):
        return None
    return "Those of the stream's tables are not among them, since it is not installed here: the image proctoring-stream makes all."


async def _partitions_of(names: Sequence[str], bootstrap_servers: str) -> dict[str, int]:
    if not names:
        return {}
    admin = new_admin(bootstrap_servers)
    try:
        await admin.start()
        return {found["topic"]: len(found["partitions"]) for found in await admin.describe_topics(list(names))}
    finally:
        await close_all(admin.close)
