"""What a process makes of a token."""

import pytest

from chassis.errors import DependencyUnavailable
from chassis.security import Security


def test_before_the_keys_are_known_no_token_is_called_wrong() -> None:
    with pytest.raises(DependencyUnavailable):
        Security().check("a.token.of-somebody")
