"""A real Apache Kafka 4 (KRaft, one node) from Maven's jars, as a process on loopback. Needs Java 17 and Maven; says so when they are missing."""

import os
import shutil
import subprocess
from base64 import urlsafe_b64encode
from pathlib import Path
from uuid import uuid4

from examhall.servers import HOST, accepts_connections, die_with_parent, free_port
from examhall.tests.machine import wait_for

POM = Path(__file__).with_name("kafka-pom.xml")
START_SECONDS = 60


def missing_tools() -> str | None:
    """Why Apache Kafka can't be started here, or None."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    return f"{' and '.join(missing)} not found" if missing else None


def jars(cache: Path) -> Path:
    """The folder of Kafka's jars, fetched by Maven at the first call."""
    folder = cache / "kafka-jars"
    if not folder.exists():
        partial = cache / "kafka-jars.part"
        shutil.rmtree(partial, ignore_errors=True)
        command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
        subprocess.run(command, check=True, timeout=600)
        partial.rename(folder)
    return folder


class ApacheKafka:
    """One node; `kill` is kill -9, `start` again finds its log on disk."""

    def __init__(self, jar_folder: Path, folder: Path) -> None:
        self._jars = jar_folder
        self._folder = folder
        self.port, self._controller_port = free_port(), free_port()
        self.address = f"{HOST}:{self.port}"
        self._process: subprocess.Popen[bytes]
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = folder / "server.properties"
        self._settings.write_text(
            "\n".join(
                [
                    "process.roles=broker,controller",
                    "node.id=1",
                    f"controller.quorum.voters=1@{HOST}:{self._controller_port}",
                    f"listeners=PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self._controller_port}",
                    f"advertised.listeners=PLAINTEXT://{HOST}:{self.port}",
                    "controller.listener.names=CONTROLLER",
                    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                    f"log.dirs={folder / 'log'}",
                    "auto.create.topics.enable=false",
                    "num.partitions=4",
                    "offsets.topic.replication.factor=1",
                    "offsets.topic.num.partitions=4",
                    "transaction.state.log.replication.factor=1",
                    "transaction.state.log.min.isr=1",
                    "group.initial.rebalance.delay.ms=100",
                ]
            )
        )
        cluster_id = urlsafe_b64encode(uuid4().bytes).rstrip(b"=").decode()
        self._java("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._settings)).wait(START_SECONDS)

    def _java(self, main: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self._folder / "kafka.out").open("ab")
        command = ["java", "-Xmx512m", "-cp", f"{self._jars}{os.sep}*", main, *arguments]
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def start(self) -> None:
        """Starts the node and waits until it accepts connections. Fails with what it said."""
        self._process = self._java("kafka.Kafka", str(self._settings))
        wait_for(lambda: accepts_connections(self.port) or self._process.poll() is not None, START_SECONDS)
        assert self._process.poll() is None, (self._folder / "kafka.out").read_text()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()
