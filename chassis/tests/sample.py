"""A small service that counts things, to try the chassis with."""

from uuid import UUID

import sqlalchemy as sa
import structlog
from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field as Column

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.consuming import Delivery, Subscription
from chassis.errors import DependencyUnavailable, DomainError, InvalidInput, NotFound, Problem
from chassis.hot import HotCall, HotReply, HotRoute
from chassis.http import Body, Caller, IfMatch, Once, Page, PageQuery, Tx, etag, require_match
from chassis.ids import new_id
from chassis.outbox import record_event
from chassis.service import Runtime, Service
from chassis.settings import ServiceSettings
from chassis.tables import table_base
from proto.examhall.identity.v1.people_pb2 import CentreChanged, CentreState, PersonChanged

Table = table_base()
log = structlog.get_logger()


class Thing(Table, table=True):
    """Something with a name."""

    __tablename__ = "things"
    id: UUID = Column(default_factory=new_id, primary_key=True)
    name: str
    version: int = 1


class Heard(Table, table=True):
    """What was heard of a person."""

    __tablename__ = "heard"
    person_id: str = Column(primary_key=True)
    name: str
    times: int = 1


class Settings(ServiceSettings):
    """Nothing of its own."""


class TooFull(DomainError):
    """The store takes no more."""


class NewThing(Body):
    name: str = Field(min_length=1, max_length=20)


class ThingOut(BaseModel):
    id: UUID
    name: str
    version: int


router = APIRouter(prefix="/api/v1/things", tags=["things"])


@router.post("", status_code=201, operation_id="createThing")
async def create(body: NewThing, tx: Tx, caller: Caller, once: Once) -> ThingOut:
    """Makes a thing."""
    return await once(ThingOut, lambda: create_thing(tx, caller, body.name))


async def create_thing(tx: AsyncSession, caller: Actor, name: str) -> ThingOut:
    """Makes a thing; full and broken are names that fail after the change."""
    thing = Thing(name=name)
    tx.add(thing)
    await tx.flush()
    record_event(
        tx,
        "sample.things.v1",
        thing.id,
        CentreChanged(centre=CentreState(centre_id=str(thing.id), version=1, name=name)),
    )
    record_audit(tx, caller, "thing_created", "thing", thing.id, new={"name": name})
    match name:
        case "full":
            raise TooFull("The store takes 10 things.", limit=10)
        case "broken":
            raise RuntimeError("a bug")
        case "ugly":
            raise InvalidInput("name", "beauty", "A name is beautiful.")
    return ThingOut(id=thing.id, name=thing.name, version=thing.version)


@router.get("", operation_id="listThings")
async def list_things(tx: Tx, page: PageQuery) -> Page[ThingOut]:
    """Everything there is."""
    total = await tx.scalar(sa.select(sa.func.count()).select_from(Thing)) or 0
    rows = (await tx.execute(sa.select(Thing).order_by(Thing.id).offset(page.offset).limit(page.limit))).scalars()
    return Page.of([ThingOut(id=row.id, name=row.name, version=row.version) for row in rows], total, page)


@router.patch("/{thing_id}", operation_id="renameThing")
async def rename(thing_id: UUID, body: NewThing, tx: Tx, caller: Caller, if_match: IfMatch) -> dict[str, str]:
    """Renames a thing."""
    caller.require("instructor")
    thing = await tx.get(Thing, thing_id, with_for_update=True)
    if thing is None:
        raise NotFound("There is no such thing.")
    require_match(if_match, thing.version, required=True)
    log.info("thing_renamed")
    thing.name, thing.version = body.name, thing.version + 1
    return {"etag": etag(thing.version)}


async def hear_person(tx: AsyncSession, event: PersonChanged, delivery: Delivery) -> None:
    """Counts how often a person was heard of; some names are trouble."""
    trouble: dict[str, Exception] = delivery.runtime.state.setdefault("trouble", {})
    log.info("heard_of_person")
    if event.person.name in trouble:
        raise trouble[event.person.name]
    await tx.execute(
        sa.text(
            "INSERT INTO heard (person_id, name, times) VALUES (:id, :name, 1)"
            " ON CONFLICT (person_id) DO UPDATE SET times = heard.times + 1, name = excluded.name"
        ),
        {"id": event.person.person_id, "name": event.person.name},
    )


def echo(call: HotCall) -> HotReply:
    """Says who called with what."""
    return HotReply(
        200,
        b'{"part":"%s","person":"%s","bytes":%d}'
        % (call.parts[0].encode(), str(call.actor.person_id).encode(), len(call.body)),
    )


async def _late(call: HotCall) -> HotReply:
    if call.body == b"away":
        raise DependencyUnavailable("Something is away.")
    return HotReply(202, call.body)


def build(settings: Settings | None = None) -> Service:
    """The sample service."""
    return Service(
        name="sample",
        settings=settings or Settings(),
        routers=[router],
        problems={TooFull: Problem(409, "too-full", "The store is full")},
        subscriptions=[Subscription("identity.people.v1", {PersonChanged: hear_person})],
        hot_routes=_hot_routes,
    )


def _hot_routes(_: Runtime) -> list[HotRoute]:
    return [HotRoute("PUT", "/api/v1/things/{}/echo", echo), HotRoute("POST", "/api/v1/things/{}/late", _late)]
