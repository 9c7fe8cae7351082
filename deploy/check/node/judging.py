"""What is right of pods that really run, as pure rules over what the kubelet tells of them."""

from collections.abc import Iterable, Iterator, Sequence

from deploy.check.api import Manifest

# A process that listens a moment later is asked in vain at first, and one that goes says so: neither is a warning to anybody.
_PASSING = ("Startup probe failed", "Readiness probe failed")


def restarts(pods: Iterable[Manifest]) -> list[str]:
    """Containers that were started again, one line each, with how they had ended."""
    return [
        f"{name_of(pod)}: {each['name']} was started again {each['restartCount']} times, {_end_of(each.get('lastState', {}))}"
        for pod in pods
        for each in _containers(pod)
        if each["restartCount"]
    ]


def bad_ends(pods: Iterable[Manifest]) -> list[str]:
    """Containers of pods that were told to go, and did not end by themselves and with status 0."""
    return [
        f"{name_of(pod)}: {each['name']} {_end_of(each['state'])}"
        for pod in pods
        if "deletionTimestamp" in pod["metadata"]
        for each in _containers(pod)
        if each["state"].get("terminated", {}).get("exitCode") != 0
    ]


def unready(pods: Sequence[Manifest]) -> list[str]:
    """Pods that are not ready, or by other hands than their kubelet's probes."""
    found = []
    for pod in pods:
        conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
        if conditions.get("Ready") != "True":
            found.append(f"{name_of(pod)} is not ready: {pod['status'].get('phase')} {_states(pod)}")
        if unprobed := [each["name"] for each in pod["spec"]["containers"] if "readinessProbe" not in each]:
            found.append(f"{name_of(pod)}: nobody asks {unprobed} whether they are ready")
    return found


def warnings_of(events: Iterable[Manifest]) -> list[str]:
    """What the kubelet and the controllers warn of, one line each."""
    return sorted(
        {
            f"{each['involvedObject']['kind']} {each['involvedObject']['name']}: {each['reason']}: {each['message']}"
            for each in events
            if each["type"] == "Warning" and not each["message"].startswith(_PASSING)
        }
    )


def name_of(pod: Manifest) -> str:
    """The pod's name."""
    return str(pod["metadata"]["name"])


def _containers(pod: Manifest) -> Iterator[Manifest]:
    yield from pod["status"].get("initContainerStatuses", ())
    yield from pod["status"].get("containerStatuses", ())


def _states(pod: Manifest) -> str:
    return "; ".join(f"{each['name']}: {each.get('state')}" for each in _containers(pod))


def _end_of(state: Manifest) -> str:
    ended = state.get("terminated")
    if ended is None:
        return f"never told how it ended: {state}"
    return f"ended with status {ended['exitCode']} ({ended.get('reason', '')})"
