"""What is right after each step, as pure rules over what the API server tells."""

from collections.abc import Iterable, Mapping, Sequence

from deploy.check.api import Manifest

Name = tuple[str, str]  # kind and name of an object in the release's namespace
# There is no metrics server: an autoscaler says so again and again, and its replicas stay.
_NO_METRICS = {"FailedGetResourceMetric", "FailedComputeMetricsReplicas"}
# An API server that has just started may look for a Service's addresses before it has heard of them, and mends what was never wrong.
_MENDED_BY_ITSELF = {"ClusterIPNotAllocated"}
# What Helm and Kubernetes write into an object of their own accord.
_THEIR_OWN = ("deployment.kubernetes.io/", "meta.helm.sh/", "kubectl.kubernetes.io/last-applied")


def is_hook(manifest: Manifest) -> bool:
    """Whether Helm makes an object at its own times: a migration, a test."""
    return "helm.sh/hook" in manifest["metadata"].get("annotations", {})


def is_kept(manifest: Manifest) -> bool:
    """Whether an object is to outlive its release."""
    return bool(manifest["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep")


def substance(found: Manifest) -> Manifest:
    """What an object is, without what its controllers and the server write into it."""
    annotations = found["metadata"].get("annotations", {})
    own = {key: value for key, value in annotations.items() if not key.startswith(_THEIR_OWN)}
    parts = {key: value for key, value in found.items() if key not in ("metadata", "status")}
    return {**parts, "labels": found["metadata"].get("labels", {}), "annotations": own}


def differences(before: Mapping[Name, Manifest], after: Mapping[Name, Manifest]) -> list[str]:
    """The objects that are not what they were, one line each."""
    return [
        f"{' '.join(name)} {'is new' if name not in before else 'is gone' if name not in after else 'differs'}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def leftovers(before: Iterable[Name], after: Iterable[Name], kept: Iterable[Name]) -> list[str]:
    """What is there after an uninstallation and was not before it, beyond what is to stay; and what is gone and was to stay."""
    before, after, kept = set(before), set(after), set(kept)
    left = [f"{' '.join(name)} was left behind" for name in sorted(after - before - kept)]
    return left + [f"{' '.join(name)} should have stayed" for name in sorted(kept - after)]


def unready(deployments: Sequence[Manifest], wanted: Mapping[str, int]) -> list[str]:
    """Deployments that have not all pods of their newest version ready, or another number of them than is wanted; and those of whose newest version the
    status does not speak yet.
    """
    found = []
    for each in deployments:
        name, status = each["metadata"]["name"], each.get("status", {})
        size = wanted.get(name, each["spec"]["replicas"])
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
        is_seen = status.get("observedGeneration") == each["metadata"]["generation"]
        if not is_seen or each["spec"]["replicas"] != size or counts != [size] * 4:
            conditions = [c["message"] for c in status.get("conditions", ()) if c["type"] == "ReplicaFailure"]
            found.append(f"{name}: {counts} of {size} pods; {'; '.join(conditions) or 'no failure is told'}")
    return found


def warnings_of(events: Sequence[Manifest]) -> list[str]:
    """What controllers warn of, one line each."""
    return sorted(
        {
            f"{each['involvedObject']['kind']} {each['involvedObject']['name']}: {each['reason']}: {each['message']}"
            for each in events
            if each["type"] == "Warning" and each["reason"] not in _NO_METRICS | _MENDED_BY_ITSELF
        }
    )
