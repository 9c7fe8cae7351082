"""`examhall up`: brings a whole installation up on this machine and keeps it running until it is told to stop."""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from examhall.children import PartFailed
from examhall.installation import Installation, Wish
from examhall.journal import turn_over
from examhall.places import settle
from examhall.running import Record, RunsAlready, only_one


def up(wish: Wish, environment: Mapping[str, str], console: Console) -> int:
    """Runs the installation until SIGINT or SIGTERM and gives the exit status. When one runs on the folder already, says where.

    Raises PortTaken when another program has the gateway's port.
    """
    folder = wish.folder.resolve()
    try:
        with only_one(folder):
            places = settle(folder, wish.port)
            turn_over(places.logs)
            return asyncio.run(_run(Installation(replace(wish, folder=folder), places, environment, console)))
    except RunsAlready as error:
        console.print(_where(error.record, folder), highlight=False, soft_wrap=True)
        return 0


async def _run(installation: Installation) -> int:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    coming_up = asyncio.create_task(installation.bring_up())
    stopping = asyncio.create_task(told_to_stop.wait())
    with installation.screen as screen:
        try:
            await asyncio.wait({coming_up, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if coming_up.done():
                coming_up.result()
                installation.welcome()
                await stopping
        except PartFailed as failure:
            screen.failed(str(failure))
            return 1
        finally:
            coming_up.cancel()
            with suppress(asyncio.CancelledError, PartFailed):
                await coming_up
            await installation.stop()
    return 0


def _where(record: Record | None, folder: Path) -> str:
    if record is None:
        return f"Examhall is being started already, with its data in {folder}."
    return f"Examhall runs already: {record.address} (process {record.pid}, data in {folder})."
