"""Brings up the installation's Python processes from one that has imported everything already.

Importing a service takes 2.5 s of a core and 110 MB; a child forked from here shares both. So seven processes start in the time of one, take
little memory of their own, and one that is killed in the middle of an exam is back before a client notices.

    python -m examhall.nursery SOCKET MODULE…

SOCKET is the number of an inherited socket. On it one JSON object a line comes in for each child wanted (`Wanted`), and
`{"started": pid}` or `{"ended": pid, "status": …}` goes out. Nothing here may start a thread or a loop before the fork.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from examhall.servers import die_with_parent


@dataclass(frozen=True)
class Wanted:
    """A child: calls `function` (module:name) with `arguments` in this environment; what it says is appended to `log`.

    `niceness` is by how much others come first when the machine has too much to do (nice(2)).
    """

    function: str
    arguments: Sequence[object]
    environment: Mapping[str, str]
    log: str
    niceness: int = 0

    def line(self) -> bytes:
        """The request on the socket."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main(socket_number: int, modules: Sequence[str]) -> None:
    """Imports the modules, then serves until the socket is closed by the other side."""
    gc.disable()  # a collection would write into every object, and a written page is no longer shared
    for module in modules:
        importlib.import_module(module)
    gc.freeze()
    woken = _woken_by_deaths()
    with socket.socket(fileno=socket_number) as line:
        _tell(line, ready=os.getpid())
        for request in _requests(line, woken):
            _tell(line, started=_start(Wanted(**json.loads(request)), (line, woken)))


def _woken_by_deaths() -> socket.socket:
    """A socket that becomes readable when a child has ended, so that one `select` waits for deaths and requests."""
    wake, woken = socket.socketpair()
    for end in (wake, woken):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.detach(), warn_on_full_buffer=False)
    return woken


def _requests(line: socket.socket, woken: socket.socket) -> Iterator[bytes]:
    """Each request that comes in until the other side closes the line; tells of the dead in between."""
    pending = b""
    while True:
        readable, _, _ = select.select([line, woken], [], [])
        if woken in readable:
            woken.recv(4096)
            _tell_of_the_dead(line)
        if line in readable:
            received = line.recv(65536)
            if not received:
                return
            *requests, pending = (pending + received).split(b"\n")
            yield from requests


def _start(wanted: Wanted, ours: Sequence[socket.socket]) -> int:
    nursery = os.getpid()
    pid = os.fork()
    if pid == 0:
        _live(wanted, ours, nursery)
    return pid


def _live(wanted: Wanted, ours: Sequence[socket.socket], nursery: int) -> NoReturn:
    status = 1
    try:
        die_with_parent()
        if os.getppid() != nursery:
            os._exit(1)
        os.setsid()
        os.close(signal.set_wakeup_fd(-1))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in ours:
            end.close()
        log = os.open(wanted.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.nice(wanted.niceness)
        os.environ.clear()
        os.environ.update(wanted.environment)
        gc.enable()
        _function(wanted.function)(*wanted.arguments)
        status = 0
    except SystemExit as end:
        status = _status_of(end)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _function(name: str) -> Callable[..., None]:
    module, _, function = name.partition(":")
    found: Callable[..., None] = getattr(importlib.import_module(module), function)
    return found


def _status_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


def _tell_of_the_dead(line: socket.socket) -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _tell(line, ended=pid, status=os.waitstatus_to_exitcode(status))


def _tell(line: socket.socket, **message: Any) -> None:
    line.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
