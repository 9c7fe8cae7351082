"""Whether a request may go on: its token, if it brings one, must be valid, and its person or address within limits."""

from collections.abc import Hashable

from chassis.errors import DependencyUnavailable, TooManyRequests, Unauthenticated
from chassis.security import Claims, Security
from gateway.arrivals import Arrival, household
from gateway.limits import Limiter
from gateway.settings import Settings


class Admission:
    """The limits by person, by address, and for signing in."""

    def __init__(self, settings: Settings, security: Security) -> None:
        self._security = security
        self._person = Limiter("person", settings.limit_person_per_second, settings.limit_person_burst)
        self._address = Limiter("address", settings.limit_address_per_second, settings.limit_address_burst)
        self._auth = Limiter("auth", settings.limit_auth_per_second, settings.limit_auth_burst)
        self.limiters = (self._person, self._address, self._auth)

    def admit(self, arrival: Arrival, is_auth: bool = False) -> str:
        """The token of an admitted request, empty when it is anonymous: whether that will do is its service's decision.

        Raises Unauthenticated for a bad token, TooManyRequests, and DependencyUnavailable while no token can be checked.
        Signing in is limited by address alone and its tokens are not looked at: an expired one must not stop who gets a new one.
        """
        if is_auth:
            self._take(self._auth, household(arrival.client), arrival)
            return ""
        token = arrival.bearer
        if not token:
            self._take(self._address, household(arrival.client), arrival)
            return ""
        try:
            claims = self._security.check(token)
        except (Unauthenticated, DependencyUnavailable):
            self._take(self._address, household(arrival.client), arrival)
            raise
        self._take(self._person, claims.person_id.int, arrival)
        return token

    def admit_socket(self, token: str, client: str) -> Claims:
        """The claims of the token that a socket brings. Raises what `admit` raises."""
        try:
            claims = self._security.check(token)
        except Unauthenticated:
            _take(self._address, household(client))
            raise
        self.admit_message(claims)
        return claims

    def admit_message(self, claims: Claims) -> None:
        """Counts what a person sends on a socket as a request. Raises TooManyRequests."""
        _take(self._person, claims.person_id.int)

    @staticmethod
    def _take(limiter: Limiter, key: Hashable, arrival: Arrival) -> None:
        left = limiter.take(key)
        arrival.reply_headers += limiter.headers(left)
        if left < 0:
            raise _too_many(limiter, key)


def _take(limiter: Limiter, key: Hashable) -> None:
    if limiter.take(key) < 0:
        raise _too_many(limiter, key)


def _too_many(limiter: Limiter, key: Hashable) -> TooManyRequests:
    wait = limiter.retry_after_seconds(key)
    return TooManyRequests(f"Too many requests; wait {wait} s and try again.", wait)
