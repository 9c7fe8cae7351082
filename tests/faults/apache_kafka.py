"""A real Apache Kafka 4 (KRaft, one node) from Maven's jars, as a process on loopback. Needs Java 17 and Maven; says so when they are missing."""

import os
import shutil
import subprocess
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from chassis.tests.certificates import Certificates
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


def kept_jars() -> Path:
    """The folder of Kafka's jars in the user's cache. Skips the test where they can't be had."""
    if missing := missing_tools():
        pytest.skip(f"Apache Kafka was not tried: {missing}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "examhall"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        return jars(cache)
    except subprocess.SubprocessError as error:
        pytest.skip(f"Apache Kafka was not tried: Maven could not fetch it ({error})")


@dataclass(frozen=True)
class Guard:
    """What a node asks of those who connect: TLS with these certificates, and this user's password by SCRAM-SHA-512."""

    certificates: Certificates
    user: str = "examhall"
    password: str = "a password of the tests"

    @property
    def listener(self) -> list[str]:
        """The settings of the node's listener CLIENTS."""
        one_line = {name: path.read_text().replace("\n", "\\n") for name, path in vars(self.certificates).items()}
        listener = "listener.name.clients"
        return [
            f"{listener}.ssl.keystore.type=PEM",
            f"{listener}.ssl.keystore.certificate.chain={one_line['server']}",
            f"{listener}.ssl.keystore.key={one_line['key']}",
            f"{listener}.sasl.enabled.mechanisms=SCRAM-SHA-512",
            f"{listener}.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
        ]

    @property
    def environment(self) -> dict[str, str]:
        """How Examhall is told."""
        return {
            "EXAMHALL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "EXAMHALL_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "EXAMHALL_KAFKA_SASL_USER": self.user,
            "EXAMHALL_KAFKA_SASL_PASSWORD": self.password,
            "EXAMHALL_KAFKA_CA_FILE": str(self.certificates.authority),
        }


class ApacheKafka:
    """One node; `kill` is kill -9, `start` again finds its log on disk. Without a guard everybody may do everything, in the clear."""

    def __init__(self, jar_folder: Path, folder: Path, guard: Guard | None = None) -> None:
        self._jars = jar_folder
        self._folder = folder
        self.port, self._controller_port = free_port(), free_port()
        self.address = f"{HOST}:{self.port}"
        internal_port = free_port()
        self._process: subprocess.Popen[bytes]
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = folder / "server.properties"
        self._settings.write_text(
            "\n".join(
                [
                    "process.roles=broker,controller",
                    "node.id=1",
                    f"controller.quorum.voters=1@{HOST}:{self._controller_port}",
                    f"listeners=INTERNAL://{HOST}:{internal_port},CLIENTS://{HOST}:{self.port},CONTROLLER://{HOST}:{self._controller_port}",
                    f"advertised.listeners=INTERNAL://{HOST}:{internal_port},CLIENTS://{HOST}:{self.port}",
                    "inter.broker.listener.name=INTERNAL",
                    "controller.listener.names=CONTROLLER",
                    f"listener.security.protocol.map=INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENTS:{'SASL_SSL' if guard else 'PLAINTEXT'}",
                    f"log.dirs={folder / 'log'}",
                    "auto.create.topics.enable=false",
                    "num.partitions=4",
                    "offsets.topic.replication.factor=1",
                    "offsets.topic.num.partitions=4",
                    "transaction.state.log.replication.factor=1",
                    "transaction.state.log.min.isr=1",
                    "group.initial.rebalance.delay.ms=100",
                    *(guard.listener if guard else ()),
                ]
            )
        )
        cluster_id = urlsafe_b64encode(uuid4().bytes).rstrip(b"=").decode()
        users = ("--add-scram", f"SCRAM-SHA-512=[name={guard.user},password={guard.password}]") if guard else ()
        format_ = ("format", "-t", cluster_id, "-c", str(self._settings), *users)
        self._java("kafka.tools.StorageTool", *format_).wait(START_SECONDS)

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
