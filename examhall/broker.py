"""The single machine's Kafka broker: the one inside librdkafka, at an address that stays the same after a restart.

librdkafka's broker speaks Kafka's protocol, keeps its log in memory and listens on a port of its own choosing. Clients are given a fixed port
instead: connections are passed on, and the broker's real port is replaced in the two replies that name it (Metadata and FindCoordinator).
So a killed broker comes back where everybody looks for it, with an empty log; the relays notice and publish again (chassis/relay.py).

    python -m examhall.broker PORT
"""

import asyncio
import ctypes
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path

import confluent_kafka

HOST = "127.0.0.1"
JOIN_MILLISECONDS = (
    100  # a group waits this long for its first members; Kafka's default of 3 s would be most of the start-up time
)
_METADATA, _FIND_COORDINATOR = 3, 10  # API keys, https://kafka.apache.org/protocol#protocol_api_keys
_SIZE = struct.Struct(">i")
_REQUEST = struct.Struct(">hhi")  # api key, version, correlation id
_PORT = struct.Struct(">i")


class LibrdkafkaBroker:
    """A broker of librdkafka's mock cluster, by its public C interface (rdkafka_mock.h)."""

    def __init__(self) -> None:
        folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
        self._lib = ctypes.CDLL(str(next(folder.glob("librdkafka*"))))
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(self._lib, name).restype = ctypes.c_void_p
        self._lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        error = ctypes.create_string_buffer(512)
        configuration = ctypes.c_void_p(self._lib.rd_kafka_conf_new())
        self._lib.rd_kafka_conf_set(configuration, b"log_level", b"2", error, 512)
        self._client = self._lib.rd_kafka_new(0, configuration, error, 512)
        if not self._client:
            raise RuntimeError(f"librdkafka did not start: {error.value.decode()}")
        self._cluster = ctypes.c_void_p(self._lib.rd_kafka_mock_cluster_new(ctypes.c_void_p(self._client), 1))
        self._lib.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, ctypes.c_int32(JOIN_MILLISECONDS))
        self.address: str = self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    @property
    def port(self) -> int:
        """The port that the broker listens on."""
        return int(self.address.rpartition(":")[2])

    def close(self) -> None:
        """Ends the broker; its log is gone."""
        self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
        self._lib.rd_kafka_destroy(ctypes.c_void_p(self._client))


class FixedAddress:
    """Passes connections to `port` on to the broker, giving out `port` as the broker's address."""

    def __init__(self, port: int, broker_port: int) -> None:
        self._broker_port = broker_port
        self._told = HOST.encode() + _PORT.pack(broker_port)
        self._tell = HOST.encode() + _PORT.pack(port)
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()

    def drop_connections(self) -> None:
        """Cuts every connection, as the death of the process would."""
        for writer in self._open:
            writer.transport.abort()

    async def serve(self) -> asyncio.Server:
        """Starts to listen; raises OSError when the port is taken."""
        return await asyncio.start_server(self._connection, HOST, self._port, limit=2**22)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            broker_reader, broker_writer = await asyncio.open_connection(HOST, self._broker_port, limit=2**22)
        except OSError:
            writer.close()
            return
        naming_replies: set[int] = set()
        self._open |= {writer, broker_writer}
        ways = [
            asyncio.create_task(self._requests(reader, broker_writer, naming_replies)),
            asyncio.create_task(self._replies(broker_reader, writer, naming_replies)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, broker_writer):
            end.close()
            self._open.discard(end)

    @staticmethod
    async def _requests(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, naming_replies: set[int]) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await _frame(reader)
                api_key, _, correlation = _REQUEST.unpack_from(frame, 4)
                if api_key in (_METADATA, _FIND_COORDINATOR):
                    naming_replies.add(correlation)
                writer.write(frame)
                await writer.drain()

    async def _replies(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, naming_replies: set[int]
    ) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await _frame(reader)
                correlation = _SIZE.unpack_from(frame, 4)[0]
                if correlation in naming_replies:
                    naming_replies.discard(correlation)
                    frame = frame.replace(self._told, self._tell)
                writer.write(frame)
                await writer.drain()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return head + await reader.readexactly(_SIZE.unpack(head)[0])


async def _run(port: int) -> None:
    broker = LibrdkafkaBroker()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await FixedAddress(port, broker.port).serve()
    await stopped.wait()
    server.close()
    broker.close()


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1])))
