"""What is sealed opens for whom it was sealed, while that secret is accepted."""

import pytest
from cryptography.exceptions import InvalidTag

from chassis.sealing import seal, sealed_anew, unseal


def test_what_is_sealed_opens_with_the_same_secret_for_the_same_purpose_in_the_same_place_only() -> None:
    sealed = seal("secret", "keys", "text", "here")
    assert unseal("secret", "keys", sealed, "here") == "text"
    assert b"text" not in sealed
    for secret, purpose, place in (("other", "keys", "here"), ("secret", "replies", "here"), ("secret", "keys", "")):
        with pytest.raises(InvalidTag):
            unseal(secret, purpose, sealed, place)


def test_what_a_former_secret_sealed_opens_while_it_is_accepted_and_is_sealed_anew_once() -> None:
    sealed = seal("old", "keys", "text")
    assert unseal("new,old", "keys", sealed) == "text"
    anew = sealed_anew("new,old", "keys", sealed)
    assert anew is not None
    assert unseal("new", "keys", anew) == "text"
    assert sealed_anew("new,old", "keys", anew) is None
    with pytest.raises(InvalidTag):
        sealed_anew("new", "keys", sealed)
