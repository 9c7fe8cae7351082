"""A student under watch: the browser that tells of a sitting, and what the student was planted to do besides."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Protocol

from examhall.rehearsal import channel
from examhall.rehearsal.acts import Act, MoveNetwork, ShareLogIn
from examhall.rehearsal.browser import Page, Style, style_of
from examhall.rehearsal.channel import Channel
from examhall.rehearsal.conduct import Role
from examhall.rehearsal.gateway import Gateway, Reply
from examhall.rehearsal.telling import Batch, Telling

Response = Mapping[str, Any] | None
# What everybody has answered so far, by log-in and question: what a neighbour can see.
Neighbours = dict[str, dict[str, Response]]

# Two log-ins count as used at the same time when they overlap by more than this.
LOG_INS_OVERLAP_SECONDS = 10.0


class Sits(channel.Sits, Protocol):
    """What a watch needs of the sitting it belongs to."""

    async def new_token(self) -> str:
        """Signs in once more; empty when that was refused."""


@dataclass
class Watch:
    """What is told of one sitting. `elsewhere` is the gateway as seen from another network, where there is one.

    `channels`: where the student's socket is put; None: signals go as requests, and nothing is heard.
    """

    role: Role
    style: Style
    pace: float
    neighbours: Neighbours
    elsewhere: Gateway | None = None
    channels: list[Channel] | None = None
    tellings: list[Telling] = field(default_factory=list)
    _positions: dict[str, int] = field(default_factory=dict)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _has_overlapped: bool = False
    _is_move_unseen: bool = False
    _channel: Channel | None = None

    def begin(self, sitting: Sits, question_ids: list[str]) -> None:
        """The page is open: from now on it tells."""
        self._positions = {question_id: place for place, question_id in enumerate(question_ids, start=1)}

        if self.channels is not None:
            self._channel = Channel(sitting)
            self.channels.append(self._channel)
            self._channel.open()

        async def send(batch: Batch) -> Reply:
            self._note_overlap()
            self._note_move()
            if self._channel is not None:
                return await self._channel.send(batch)
            return await sitting.call("report signals", "POST", _path(sitting), batch)

        self._tell(
            Telling(sitting.login, sitting.attempt_id, self._page(self.style, sitting.login), sitting.ledger, send)
        )

    def gives(self, login: str, question_id: str, response: Response) -> None:
        """The student answers, which shows, and is typed where it is text."""
        self.neighbours.setdefault(login, {})[question_id] = response
        page = self.tellings[0].page
        page.show(question_id, self._positions[question_id], datetime.now(UTC))
        page.type(str((response or {}).get("text", "")))

    def seen(self, question_id: str) -> Response:
        """What the neighbour has answered; None for nothing yet."""
        return self.neighbours.get(self.role.source, {}).get(question_id)

    def set_offline(self, is_offline: bool) -> None:
        """Without network nothing is told; it is kept."""
        for telling in self.tellings:
            telling.is_offline = is_offline
        if self._channel is not None:
            self._channel.set_offline(is_offline)

    async def do(self, act: Act, sitting: Sits) -> None:
        """Something that was planted."""
        match act:
            case MoveNetwork():
                if self.elsewhere is not None:
                    sitting.gateway = self.elsewhere
                    if self._channel is not None:
                        self._channel.reconnect()
                    self._is_move_unseen = True
            case ShareLogIn():
                await self._share(sitting)
            case _:
                await self.tellings[0].do(act)

    async def finish(self) -> None:
        """What is left is told; nothing after that."""
        for telling in self.tellings:
            await telling.finish()

    async def end(self) -> None:
        """The pages are closed; what is on its way arrives."""
        for telling in self.tellings:
            telling.is_over = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _share(self, sitting: Sits) -> None:
        token = await sitting.new_token()
        if not token:
            return

        async def send(batch: Batch) -> Reply:
            return await sitting.gateway.call("report signals", "POST", _path(sitting), token=token, body=batch)

        friend = f"{sitting.login}/friend"
        page = self._page(style_of(friend), friend)
        self._tell(Telling(sitting.login, sitting.attempt_id, page, sitting.ledger, send, is_second_log_in=True))

    def _note_overlap(self) -> None:
        """The second log-in counts from its first batch on, the overlap is proved by a later one of the first log-in."""
        since = next((telling.taken_since for telling in self.tellings if telling.is_second_log_in), None)
        if since is not None and not self._has_overlapped and time.time() - since > LOG_INS_OVERLAP_SECONDS:
            self._has_overlapped = True
            self.tellings[0].acted("multiple_logins")

    def _note_move(self) -> None:
        """That the network is another one shows in the first batch that is sent from there, not before."""
        if self._is_move_unseen:
            self._is_move_unseen = False
            self.tellings[0].acted("ip_change")

    def _page(self, style: Style, seed: str) -> Page:
        return Page(style, Random(f"{seed}/page"), datetime.now(UTC), self.pace)

    def _tell(self, telling: Telling) -> None:
        self.tellings.append(telling)
        self._tasks.append(asyncio.create_task(telling.run()))


def _path(sitting: Sits) -> str:
    return f"/proctoring/attempts/{sitting.attempt_id}/signals"
