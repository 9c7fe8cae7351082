"""The tables in the documents are what the code gives, and what they say about roles is what every service's table of roles tries."""

import re
from importlib import import_module

import pytest

from examhall.generated_parts import stale_files
from examhall.places import SERVICES, WORKERS
from examhall.reference import ROLES, WHO, documents, operations_by_tag, own_settings

# What the services' tables mark as "the role can never do this".
_NEVER = {"attempts": "-"}
# Lists that attempts tries by what they hold, and proctoring's lean route, whose own tests try it.
_TRIED_ELSEWHERE = {"listAttempts", "startAttempt", "sendSignals"}


def test_the_documents_are_what_the_code_gives() -> None:
    assert stale_files(documents()) == []


def test_it_is_said_of_every_route_who_may_use_it() -> None:
    operations = [operation["operationId"] for routes in operations_by_tag().values() for _, _, operation in routes]
    assert sorted(operations) == sorted(WHO)


@pytest.mark.parametrize("service", SERVICES)
def test_the_roles_are_those_that_the_services_tables_try(service: str) -> None:
    tried = import_module(f"services.{service}.tests.test_roles")
    never = _NEVER.get(service, "x")
    by_route = {
        (method, _shape(path)): operation["operationId"]
        for routes in operations_by_tag().values()
        for method, path, operation in routes
    }
    wrong = {}
    for (method, path), reach in tried.TABLE.items():
        name = by_route[method, _shape(path)]
        roles = {role for role in ROLES if reach[role] != never}
        if roles != set(WHO[name]):
            wrong[name] = sorted(roles)
    assert wrong == {}


def test_routes_that_no_table_tries_are_public_or_ones_own_or_tried_elsewhere() -> None:
    tried = {
        (method, _shape(path))
        for service in SERVICES
        for method, path in import_module(f"services.{service}.tests.test_roles").TABLE
    }
    identity = import_module("services.identity.tests.test_roles")
    others = {
        operation["operationId"]: (method, path)
        for routes in operations_by_tag().values()
        for method, path, operation in routes
        if (method, _shape(path)) not in tried
    }
    for name, route in others.items():
        if name not in _TRIED_ELSEWHERE:
            assert route in (identity.PUBLIC if not WHO[name] else identity.OWN), name


def test_a_setting_means_one_thing_in_all_processes() -> None:
    """One environment serves them all: two services must not read different things from one variable."""
    own = [name for process in (*SERVICES, *WORKERS, "gateway") for name, _ in own_settings(process)]
    assert sorted(set(own)) == sorted(own)


def _shape(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)
