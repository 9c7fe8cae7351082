"""An image holds one service: what it can't tell of an installation's topics is said, and not passed over."""

import pytest

from examhall import topics


def test_where_everything_is_installed_the_changelogs_are_among_the_topics_and_nothing_is_left_out() -> None:
    assert topics.left_out() is None
    assert any(topic.name.endswith("-changelog") for topic in topics.topics(4, 1))


def test_an_image_without_the_stream_says_that_it_leaves_its_changelogs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "installed_services", lambda: ["identity"])
    assert not any(topic.name.endswith("-changelog") for topic in topics.topics(4, 1))
    assert "proctoring-stream" in (topics.left_out() or "")
