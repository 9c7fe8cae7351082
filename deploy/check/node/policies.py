"""Network policies, held to: the bridge's plugin lets everybody speak with everybody, so this makes filters of the policies. A small engine of
the check's own, for what charts ask for; a rule that it does not know is an error, never a hole.

What a pod sends is looked at where it leaves, also towards the node itself, and what it is sent where it arrives. The node reaches every
pod, as Kubernetes promises the kubelet.
"""

import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.check.api import Api, Manifest, Refused

_TABLE = "examhall_policies"
_LOOK_SECONDS = 0.3
_PEER, _RULE = {"podSelector", "namespaceSelector", "ipBlock"}, {"ports", "from", "to"}


class Unknown(Exception):
    """A policy says what this engine does not know."""


@dataclass(frozen=True)
class Allowed:
    """What a rule lets through: these addresses (None: all) at this port (None: all)."""

    addresses: tuple[str, ...] | None
    protocol: str | None
    port: int | None


def selects(selector: Manifest, labels: Manifest) -> bool:
    """Whether a label selector takes these labels. Raises Unknown."""
    if any(labels.get(name) != value for name, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_holds(each, labels) for each in selector.get("matchExpressions", ()))


def allowed(
    pod: Manifest,
    direction: str,
    policies: Sequence[Manifest],
    pods: Sequence[Manifest],
    namespaces: Sequence[Manifest],
) -> list[Allowed] | None:
    """What may come in ("Ingress") or go out ("Egress"); None when no policy is for that, and so everything may. Raises Unknown."""
    own = [each for each in policies if direction in each["spec"]["policyTypes"] and _is_for(each, pod)]
    if not own:
        return None
    found: list[Allowed] = []
    for policy in own:
        for rule in policy["spec"].get(direction.lower(), ()):
            if strange := rule.keys() - _RULE:
                raise Unknown(f"a rule with {sorted(strange)}")
            peers = rule.get("from" if direction == "Ingress" else "to")
            there = [] if not peers else [each for peer in peers for each in _pods_of(peer, policy, pods, namespaces)]
            blocks = [peer["ipBlock"]["cidr"] for peer in peers or () if "ipBlock" in peer]
            for port in rule.get("ports") or [{}]:
                targets = [pod] if direction == "Ingress" else there
                found += _through(port, targets, direction, there, blocks, everybody=not peers)
    return found


def filters(policies: Sequence[Manifest], pods: Sequence[Manifest], namespaces: Sequence[Manifest]) -> str:
    """All of it for `nft`, in place of what it was told before. Raises Unknown."""
    living = [each for each in pods if _address(each)]
    chains, jumps = [], {"Ingress": [""], "Egress": [""]}
    for number, pod in enumerate(living):
        for direction, theirs, own in (("Ingress", "saddr", "daddr"), ("Egress", "daddr", "saddr")):
            rules = allowed(pod, direction, policies, living, namespaces)
            if rules is not None:
                chain = f"{direction.lower()}{number}"
                lines = sorted({_line(each, theirs) for each in rules})
                chains.append("\n    ".join([f"  chain {chain} {{", *lines, "drop\n  }"]))
                jumps[direction].append(f"    ip {own} {_address(pod)} jump {chain}")
    going, coming = ("\n".join(jumps[direction]) for direction in ("Egress", "Ingress"))
    first = "    ct state established,related accept"
    return f"""table ip {_TABLE}
delete table ip {_TABLE}
table ip {_TABLE} {{
{chr(10).join(chains)}
  chain forward {{
    type filter hook forward priority filter; policy accept;
{first}{going}{coming}
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
{first}{going}
  }}
}}
"""


class Enforcing:
    """Holds the pods of a node to the policies of its cluster."""

    def __init__(self, api: Api) -> None:
        self.failed: list[str] = []
        self._api = api
        self._ends = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Until the block ends; looks at the cluster several times a second."""
        work = threading.Thread(target=self._work, name="policies")
        work.start()
        try:
            yield
        finally:
            self._ends.set()
            work.join()

    def _work(self) -> None:
        last = ""
        while not self._ends.wait(_LOOK_SECONDS):
            try:
                told = [self._api.items(path) for path in _LISTS]
                if (text := filters(*told)) != last:
                    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True, capture_output=True)
                    last = text
            except (Refused, Unknown) as error:
                self.failed.append(str(error))
                return
            except subprocess.CalledProcessError as error:
                self.failed.append(f"nft: {error.stderr}")
                return


_LISTS = ("/apis/networking.k8s.io/v1/networkpolicies", "/api/v1/pods", "/api/v1/namespaces")


def _holds(expression: Manifest, labels: Manifest) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values", ())
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    raise Unknown(f"a label selector with {operator}")


def _is_for(policy: Manifest, pod: Manifest) -> bool:
    here = policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return here and selects(policy["spec"]["podSelector"], pod["metadata"].get("labels", {}))


def _pods_of(
    peer: Manifest, policy: Manifest, pods: Sequence[Manifest], namespaces: Sequence[Manifest]
) -> Iterator[Manifest]:
    if strange := (peer.keys() - _PEER) | (peer.get("ipBlock", {}).keys() - {"cidr"}):
        raise Unknown(f"a peer with {sorted(strange)}")
    if "ipBlock" in peer:
        return
    where = {policy["metadata"]["namespace"]}
    if "namespaceSelector" in peer:
        named = [each for each in namespaces if selects(peer["namespaceSelector"], each["metadata"].get("labels", {}))]
        where = {each["metadata"]["name"] for each in named}
    for pod in pods:
        labels = pod["metadata"].get("labels", {})
        if pod["metadata"]["namespace"] in where and selects(peer.get("podSelector", {}), labels):
            yield pod


def _through(
    port: Manifest,
    targets: Sequence[Manifest],
    direction: str,
    there: Sequence[Manifest],
    blocks: Sequence[str],
    everybody: bool,
) -> Iterator[Allowed]:
    """What one port of a rule lets through; a name of a port is looked up in whoever is spoken to."""
    if "endPort" in port:
        raise Unknown("a range of ports")
    number, protocol = port.get("port"), port.get("protocol", "TCP").lower() if port else None
    addresses = None if everybody else (*blocks, *(_address(each) for each in there))
    if not isinstance(number, str):
        yield Allowed(addresses, protocol, number)
        return
    if direction == "Egress" and (everybody or blocks):
        raise Unknown(f"the port {number} of whoever it may be")
    for target in targets:
        for each in _named(target, number, protocol):
            yield Allowed(addresses if direction == "Ingress" else (_address(target),), protocol, each)


def _named(pod: Manifest, name: str, protocol: str | None) -> Iterable[int]:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports", ()):
            if port.get("name") == name and port.get("protocol", "TCP").lower() == protocol:
                yield port["containerPort"]


def _address(pod: Manifest) -> str:
    """Empty when it has none of its own, or none any more."""
    is_over = pod["status"].get("phase") in ("Succeeded", "Failed") or pod["spec"].get("hostNetwork")
    return "" if is_over else str(pod["status"].get("podIP", ""))


def _line(rule: Allowed, theirs: str) -> str:
    parts = [] if rule.addresses is None else [f"ip {theirs} {{ {', '.join(sorted(set(rule.addresses)))} }}"]
    if rule.addresses == ():
        return "# nobody is there"
    if rule.port is not None:
        parts.append(f"{rule.protocol} dport {rule.port}")
    elif rule.protocol:
        parts.append(f"meta l4proto {rule.protocol}")
    return " ".join([*parts, "return"])
