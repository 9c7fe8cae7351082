"""Generated parts of documents that people write: each stands between two marks, and everything else is left alone."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def with_part(text: str, name: str, content: str) -> str:
    """The document with its part `name` replaced. Raises ValueError when the document has no such part, or more than one."""
    begin, end = f"<!-- generated: {name} -->", f"<!-- end of generated: {name} -->"
    parts = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(parts.findall(text)) != 1:
        raise ValueError(f"the document must have one part between {begin!r} and {end!r}")
    return parts.sub(lambda _: f"{begin}\n\n{content.strip()}\n\n{end}", text)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a bar in a cell is escaped."""
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_or_check(documents: Callable[[], Mapping[Path, str]], module: str, arguments: Sequence[str]) -> None:
    """The command line of a module that generates documents: `write` stores them, `check` exits with 1 when a file is not what the code gives."""
    match arguments:
        case ["write"]:
            for file, content in documents().items():
                file.write_text(content)
        case ["check"]:
            if stale := stale_files(documents()):
                names = ", ".join(f"docs/{file.name}" for file in stale)
                sys.exit(f"{names}: not what the code gives; run `python -m {module} write`")
        case _:
            sys.exit(f"usage: python -m {module} write|check")


def stale_files(documents: Mapping[Path, str]) -> list[Path]:
    """The files that differ from what the code gives."""
    return [file for file, content in documents.items() if not file.is_file() or file.read_text() != content]
