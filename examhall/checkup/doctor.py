"""Which looks an installation needs, and how what they found is shown."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from examhall.checkup import looks
from examhall.checkup.findings import Finding, Grade, Look, fine, wrong
from examhall.keeping import BACKUPS
from examhall.places import WORKERS, Places, database_of, kept, naming
from examhall.running import Record, running
from examhall.serving import GATEWAY, installed_services

ALL_FINE, TO_WATCH, SOMETHING_WRONG = 0, 1, 2  # exit statuses
_STATUS = {Grade.FINE: ALL_FINE, Grade.WATCH: TO_WATCH, Grade.WRONG: SOMETHING_WRONG}
_COLOUR = {Grade.FINE: "green", Grade.WATCH: "yellow", Grade.WRONG: "red"}


def doctor(folder: Path, environment: Mapping[str, str], url: str, console: Console, *, show_all: bool) -> int:
    """Looks at what runs on the folder, else at what the environment names; shows what is not fine, or everything. The exit status."""
    found = asyncio.run(examine(folder.resolve(), environment, url))
    shown = [each for each in found if show_all or each.grade is not Grade.FINE]
    for grade in (Grade.WRONG, Grade.WATCH, Grade.FINE):
        _show([each for each in shown if each.grade is grade], console)
    counts = {grade: sum(each.grade is grade for each in found) for grade in Grade}
    console.print(f"{counts[Grade.WRONG]} wrong, {counts[Grade.WATCH]} to watch, {counts[Grade.FINE]} fine.")
    return max((_STATUS[each.grade] for each in found), default=ALL_FINE)


async def examine(folder: Path, environment: Mapping[str, str], url: str) -> list[Finding]:
    """All findings."""
    record = running(folder)
    wanted = _of_a_machine(folder, record, environment) if record else _of_an_environment(environment)
    if url:
        wanted.append(lambda: looks.certificate(url))
    found = await asyncio.gather(*(look() for look in wanted))
    return [finding for findings in found for finding in findings]


def _of_a_machine(folder: Path, record: Record, environment: Mapping[str, str]) -> list[Look]:
    places: Places = kept(folder, record.gateway_port)
    servers = places.servers({**environment, **naming(record.named)})
    parts = {name: part for name, part in record.parts.items() if name in (*installed_services(), *WORKERS, GATEWAY)}
    addresses = {name: f"127.0.0.1:{part.port}" for name, part in parts.items() if part.port is not None}
    databases = {service: database_of(servers.postgres, service) for service in installed_services()}
    wanted = record.named.get("broker")
    return [
        *_of_servers(databases, servers.redis, servers.broker, is_topic_maker=not wanted),
        lambda: looks.processes(addresses),
        lambda: looks.disks({"data": folder}),
        lambda: looks.backups(folder / BACKUPS),
        lambda: _owners_eyes(folder / "secret"),
    ]


def _of_an_environment(environment: Mapping[str, str]) -> list[Look]:
    postgres, redis = environment.get("DATABASE_URL", ""), environment.get("REDIS_URL", "")
    broker = environment.get("KAFKA_BOOTSTRAP_SERVERS", "")
    if not (postgres or redis or broker):
        return [_nothing]
    return _of_servers(_databases(postgres) if postgres else {}, redis, broker, is_topic_maker=False)


def _databases(named: str) -> dict[str, str]:
    """By service, what DATABASE_URL means: its own database in an image, which carries one service; else the server of all."""
    services = installed_services()
    return {service: named if len(services) == 1 else database_of(named, service) for service in services}


def _of_servers(databases: Mapping[str, str], redis: str, broker: str, *, is_topic_maker: bool) -> list[Look]:
    """`databases`: their URLs by service. `is_topic_maker`: the broker makes topics when they are first used."""
    from examhall.topics import topics

    found: list[Look] = [
        lambda service=service, url=url: looks.database(service, url)  # type: ignore[misc]
        for service, url in databases.items()
    ]
    if redis:
        found.append(lambda: looks.redis(redis))
    if broker:
        names = [] if is_topic_maker else [topic.name for topic in topics(partitions=1, replication=1)]
        found.append(lambda: looks.kafka(broker, names))
    return found


async def _nothing() -> list[Finding]:
    advice = "Start it with `examhall up`, or set DATABASE_URL, REDIS_URL and KAFKA_BOOTSTRAP_SERVERS to look at servers of your own."
    return [wrong("Examhall", "does not run here, and no server is named", advice)]


async def _owners_eyes(file: Path) -> list[Finding]:
    if os.stat(file).st_mode & 0o077:
        return [
            wrong(
                "secret",
                f"others may read {file}",
                f"chmod 600 {file}, and choose a new one if others have been on this machine.",
            )
        ]
    return [fine("secret", "for the owner's eyes only")]


def _show(findings: Sequence[Finding], console: Console) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for each in findings:
        says = f"{escape(each.says)}\n[dim]{escape(each.do)}[/]" if each.do else escape(each.says)
        table.add_row(f"[{_COLOUR[each.grade]}]{each.grade}[/]", escape(each.about), says)
    if table.row_count:
        console.print(table)
