"""Ports that stay, one environment for each process, a secret that is made once."""

import json
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examhall.places import SERVICES, WORKERS, Places, PortTaken, database_of, kept, naming, settle, settle_ports
from examhall.servers import HOST, free_port
from proto.catalogue import STREAM

NAMES = ["postgres", "redis", "broker"]
PORTS = st.integers(20_000, 31_999)


@given(last=st.dictionaries(st.sampled_from(NAMES), PORTS), taken=st.sets(PORTS, max_size=20))
def test_a_kept_port_stays_unless_it_is_taken_and_no_two_names_share_one(last: dict[str, int], taken: set[int]):
    distinct = {name: port for name, port in last.items() if list(last.values()).count(port) == 1}
    ports = settle_ports(distinct, NAMES, taken)
    assert sorted(ports) == sorted(NAMES)
    assert len(set(ports.values())) == len(NAMES)
    assert not set(ports.values()) & taken
    assert all(ports[name] == port for name, port in distinct.items() if port not in taken)


def test_the_second_start_has_the_ports_of_the_first(tmp_path: Path):
    gateway_port = free_port()
    first = settle(tmp_path, gateway_port)
    assert settle(tmp_path, gateway_port) == first == kept(tmp_path, gateway_port)


def test_an_installation_of_before_keeps_its_ports_and_gets_those_of_what_is_new(tmp_path: Path):
    gateway_port = free_port()
    ports = settle(tmp_path, gateway_port).ports
    before = {name: port for name, port in ports.items() if not name.startswith("proctoring")}
    (tmp_path / "ports.json").write_text(json.dumps(before))
    after = settle(tmp_path, gateway_port)
    assert {name: after.ports[name] for name in before} == before
    assert set(after.ports) - set(before) == {"proctoring_http", "proctoring_grpc", STREAM}


def test_the_stream_has_the_broker_and_a_port_for_its_health_and_no_database(tmp_path: Path):
    places = _places(tmp_path)
    environment = places.environment_of(STREAM, {"DATABASE_URL": "postgresql://db.example/postgres"})
    assert "DATABASE_URL" not in environment
    assert "EXAMHALL_GRPC_PORT" not in environment
    assert environment["KAFKA_BOOTSTRAP_SERVERS"] == f"{HOST}:20002"
    assert (environment["EXAMHALL_HTTP_HOST"], environment["EXAMHALL_HTTP_PORT"]) == (HOST, str(places.ports[STREAM]))


def test_a_port_that_somebody_took_meanwhile_is_replaced_and_the_others_stay(tmp_path: Path):
    gateway_port = free_port()
    first = settle(tmp_path, gateway_port)
    with socket.create_server((HOST, first.ports["redis"])):
        second = settle(tmp_path, gateway_port)
    assert {name for name in first.ports if first.ports[name] != second.ports[name]} == {"redis"}
    assert json.loads((tmp_path / "ports.json").read_text()) == second.ports


def test_the_gateways_port_is_not_replaced_but_refused(tmp_path: Path):
    with socket.create_server((HOST, 0)) as other, pytest.raises(PortTaken, match="in use by another program"):
        settle(tmp_path, other.getsockname()[1])


def test_a_service_has_its_own_database_and_ports_and_the_addresses_of_all(tmp_path: Path):
    places = _places(tmp_path)
    environment = places.environment_of("attempts", {"HOME": "/home/somebody", "EXAMHALL_LOG_LEVEL": "debug"})
    assert environment["DATABASE_URL"] == f"postgresql://postgres@{HOST}:20000/examhall_attempts"
    assert environment["REDIS_URL"] == f"redis://{HOST}:20001/0"
    assert environment["KAFKA_BOOTSTRAP_SERVERS"] == f"{HOST}:20002"
    assert environment["EXAMHALL_HTTP_PORT"] == str(places.ports["attempts_http"])
    assert environment["EXAMHALL_GRPC_PORT"] == str(places.ports["attempts_grpc"])
    assert all(
        environment[f"EXAMHALL_{name.upper()}_GRPC"] == f"{HOST}:{places.ports[f'{name}_grpc']}" for name in SERVICES
    )
    assert (environment["HOME"], environment["EXAMHALL_LOG_LEVEL"]) == ("/home/somebody", "debug")


def test_only_the_gateway_listens_where_the_environment_says(tmp_path: Path):
    given_host = {"EXAMHALL_HTTP_HOST": "192.0.2.1"}
    places = _places(tmp_path)
    assert places.environment_of("gateway", given_host)["EXAMHALL_HTTP_HOST"] == "192.0.2.1"
    assert places.environment_of("exams", given_host)["EXAMHALL_HTTP_HOST"] == HOST


def test_the_gateway_is_told_of_no_database(tmp_path: Path):
    environment = _places(tmp_path).environment_of("gateway", {"DATABASE_URL": "postgresql://db.example/postgres"})
    assert "DATABASE_URL" not in environment
    assert environment["EXAMHALL_HTTP_PORT"] == "8080"


def test_the_relay_holds_back_only_before_the_broker_that_forgets(tmp_path: Path):
    places = _places(tmp_path)
    assert places.environment_of("exams", {})["EXAMHALL_OUTBOX_WINDOW_BYTES"] == "2000000"
    with_kafka = places.environment_of("exams", {"KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9092"})
    assert "EXAMHALL_OUTBOX_WINDOW_BYTES" not in with_kafka
    assert with_kafka["KAFKA_BOOTSTRAP_SERVERS"] == "kafka.example:9092"


def test_servers_of_the_environment_are_named_and_can_be_given_on(tmp_path: Path):
    environment = {"DATABASE_URL": "postgresql://me:pass@db.example:5433/postgres?sslmode=require"}
    servers = _places(tmp_path).servers(environment)
    assert set(servers.named) == {"postgres"}
    assert naming(servers.named) == environment
    assert servers.database("exams") == "postgresql://me:pass@db.example:5433/examhall_exams?sslmode=require"


def test_a_database_url_without_a_database_gets_one():
    assert database_of("postgresql://db.example", "grading") == "postgresql://db.example/examhall_grading"


def test_the_secret_is_made_once_and_readable_by_the_owner_alone(tmp_path: Path):
    secret = _places(tmp_path).secret()
    assert len(secret) > 30
    assert _places(tmp_path).secret() == secret
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert _places(tmp_path).environment_of("exams", {})["EXAMHALL_SERVICE_SECRET"] == secret
    given_secret = {"EXAMHALL_SERVICE_SECRET": "of the institution"}
    assert _places(tmp_path).environment_of("exams", given_secret)["EXAMHALL_SERVICE_SECRET"] == "of the institution"


def _places(folder: Path) -> Places:
    names = [*NAMES, *(f"{service}_{kind}" for service in SERVICES for kind in ("http", "grpc")), *WORKERS]
    return Places(folder, 8080, {name: 20_000 + number for number, name in enumerate(names)})
