"""A student under watch: when what was planted can first be known."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chassis.testing import eventually
from examhall.rehearsal.acts import MoveNetwork, Paste
from examhall.rehearsal.browser import style_of
from examhall.rehearsal.conduct import Role
from examhall.rehearsal.gateway import Gateway, Reply
from examhall.rehearsal.ledger import Acted, Ledger, Taken, read
from examhall.rehearsal.watch import Watch


@dataclass
class Sitting:
    """Takes every request, and keeps through which gateway it came."""

    ledger: Ledger
    gateway: Any
    login: str = "0001"
    attempt_id: str = "attempt"
    token: str = "token"
    came_through: list[Any] = field(default_factory=list)

    async def call(self, step: str, method: str, path: str, body: Any = None) -> Reply:
        """A request; a body may be made when it is sent."""
        self.came_through.append(self.gateway)
        return Reply(200, {"number": len(self.came_through)})

    async def new_token(self) -> str:
        """Nobody else signs in."""
        return ""


async def test_another_network_is_dated_from_the_first_batch_that_is_sent_from_there(tmp_path: Path) -> None:
    here, there = Gateway("http://127.0.0.1:1"), Gateway("http://127.0.0.2:1")
    sitting = Sitting(Ledger(tmp_path / "ledger"), here)
    watch = Watch(Role(), style_of("0001"), 1.0, {}, elsewhere=there)
    watch.begin(sitting, ["question"])

    def entries() -> list[str]:
        return [
            entry.what if isinstance(entry, Acted) else "taken"
            for entry in read(tmp_path / "ledger")
            if isinstance(entry, Acted | Taken)
        ]

    await watch.do(MoveNetwork(), sitting)
    assert (sitting.gateway, entries()) == (there, [])
    await watch.do(Paste(40), sitting)
    await eventually(lambda: "taken" in entries())
    await watch.finish()
    await watch.end()
    assert entries()[:3] == ["paste_attempt", "ip_change", "taken"]
    assert entries().count("ip_change") == 1
    assert set(sitting.came_through) == {there}
