import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.arrivals import Arrival, Proxies, household


def an_arrival(*headers: tuple[bytes, bytes], peer: str = "203.0.113.9", proxies: tuple[str, ...] = ()) -> Arrival:
    scope = {"method": "GET", "path": "/", "headers": headers, "client": (peer, 1), "scheme": "http"}
    return Arrival(scope, Proxies(proxies))


def test_what_a_client_says_about_its_address_is_not_believed() -> None:
    arrival = an_arrival((b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-proto", b"https"))
    assert (arrival.client, arrival.is_secure) == ("203.0.113.9", False)


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        (b"198.51.100.7", "198.51.100.7"),
        (b"1.1.1.1, 198.51.100.7", "198.51.100.7"),
        (b"1.1.1.1, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        (b"nonsense, 10.0.0.2", "10.0.0.2"),
        (b"", "10.0.0.1"),
    ],
)
def test_behind_our_proxies_the_client_is_the_nearest_hop_that_is_not_one(hops: bytes, client: str) -> None:
    sent = ((b"x-forwarded-for", hops), (b"x-forwarded-proto", b"https"))
    arrival = an_arrival(*sent, peer="10.0.0.1", proxies=("10.0.0.0/8",))
    assert (arrival.client, arrival.is_secure) == (client, True)


def test_a_good_request_id_and_trace_are_kept() -> None:
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    arrival = an_arrival((b"x-request-id", b"front-7"), (b"traceparent", trace))
    assert (arrival.request_id, arrival.traceparent) == (b"front-7", trace.decode())


@given(st.binary(max_size=120))
def test_whatever_is_sent_the_ids_are_well_formed(sent: bytes) -> None:
    arrival = an_arrival((b"x-request-id", sent), (b"traceparent", sent))
    assert arrival.request_id
    assert all(33 <= byte < 127 for byte in arrival.request_id)
    assert [len(part) for part in arrival.traceparent.split("-")] == [2, 32, 16, 2]


def test_without_an_id_the_trace_id_is_the_request_id() -> None:
    arrival = an_arrival()
    assert arrival.request_id.decode() == arrival.trace_id


@pytest.mark.parametrize(
    ("value", "token"),
    [(b"Bearer abc", "abc"), (b"bearer  abc ", "abc"), (b"Basic abc", ""), (b"Bearer", ""), (b"", "")],
)
def test_only_a_bearer_token_is_a_token(value: bytes, token: str) -> None:
    assert an_arrival((b"authorization", value)).bearer == token


def test_an_ipv6_network_is_one_household() -> None:
    assert household("2001:db8:1:2:3::4") == household("2001:db8:1:2:ffff::1") != household("2001:db8:1:3::1")
    assert household("::ffff:192.0.2.1") == household("192.0.2.1") == "192.0.2.1"
