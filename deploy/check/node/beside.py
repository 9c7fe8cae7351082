"""The servers that stand beside the cluster, as they do in a school's own: PostgreSQL with TLS, Redis, and Apache Kafka from Maven's jars."""

import os
import shutil
import socket
import subprocess
from base64 import urlsafe_b64encode
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from deploy.check.databases import Databases, databases
from deploy.check.node.surroundings import ADDRESS
from deploy.check.programs import Missing
from deploy.check.standin import ROOT
from examhall.servers import HOST, Launch, free_port, redis, start

POSTGRES_PORT, REDIS_PORT, KAFKA_PORT = 5432, 6379, 9092  # those that the chart's network policies allow
_POM = ROOT / "tests" / "faults" / "kafka-pom.xml"
_FETCH_SECONDS, _START_SECONDS = 900, 120.0
# All replicas of all services: the chart's README says how many each may take.
_CONNECTIONS = "600"


def kafka_jars() -> Path:
    """The folder of Kafka's jars in the user's cache, which the fault tests use too; fetched at the first call. Raises Missing."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "examhall" / "kafka-jars"
    if not folder.exists():
        partial = folder.with_name("kafka-jars.part")
        shutil.rmtree(partial, ignore_errors=True)
        command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False)
        if done.returncode:
            raise Missing(f"Maven could not fetch Apache Kafka: {done.stdout.strip()[-500:]}")
        partial.rename(folder)
    return folder


def servers(folder: Path, jars: Path, running: ExitStack) -> Databases:
    """Starts all of them, reached at the node's address; what PostgreSQL is. Raises ServerFailed."""
    told = running.enter_context(databases(folder, ADDRESS, POSTGRES_PORT, max_connections=_CONNECTIONS))
    own = redis(folder / "redis", REDIS_PORT)
    everywhere = "0.0.0.0"  # noqa: S104 - of a network that is the check's own
    reached = [*own.arguments, "--bind", everywhere, "--protected-mode", "no"]
    running.callback(start(replace(own, arguments=reached), folder / "redis.log").stop)
    running.callback(start(_kafka(folder / "kafka", jars), folder / "kafka.log", _START_SECONDS).stop, 30.0)
    return told


def _kafka(folder: Path, jars: Path) -> Launch:
    """One node in KRaft mode, with an empty log, that makes no topic by itself."""
    folder.mkdir(parents=True)
    inside, controller = free_port(), free_port()
    settings = folder / "server.properties"
    settings.write_text(
        f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{HOST}:{controller}
listeners=INSIDE://{HOST}:{inside},CLIENTS://{ADDRESS}:{KAFKA_PORT},CONTROLLER://{HOST}:{controller}
advertised.listeners=INSIDE://{HOST}:{inside},CLIENTS://{ADDRESS}:{KAFKA_PORT}
inter.broker.listener.name=INSIDE
controller.listener.names=CONTROLLER
listener.security.protocol.map=INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENTS:PLAINTEXT
log.dirs={folder / "log"}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=100
"""
    )
    java = ["java", "-Xmx512m", "-cp", f"{jars}{os.sep}*"]
    cluster = urlsafe_b64encode(uuid4().bytes).rstrip(b"=").decode()
    formatting = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
    subprocess.run(formatting, check=True, capture_output=True, timeout=_START_SECONDS)
    return Launch([*java, "kafka.Kafka", str(settings)], _listens)


def _listens() -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((ADDRESS, KAFKA_PORT)) == 0
