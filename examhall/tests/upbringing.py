"""What the children of a nursery do in tests."""

import os
import signal

from chassis.ids import new_id


def print_environment() -> None:
    """Says what it was given."""
    for name, value in os.environ.items():
        print(f"{name}={value}")


def print_ids() -> None:
    """Makes a hundred ids."""
    print("".join(f"{new_id()}\n" for _ in range(100)), end="", flush=True)


def give_up() -> None:
    """Ends as a service does that lacks a setting."""
    raise SystemExit("no secret is set")


def fail() -> None:
    """Ends by a mistake."""
    print(1 / 0)


def wait() -> None:
    """Lives until it is told to end."""
    signal.pause()
