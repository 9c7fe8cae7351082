"""A small client of Kubernetes' API that remembers what the server warns of."""

import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

Manifest = dict[str, Any]
_BUSY_SECONDS = 60.0  # a server that has just learnt of a kind asks to be asked again
_PATCH = "application/merge-patch+json"


def manifests_in(text: str) -> list[Manifest]:
    """The objects of a YAML file."""
    return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]


class Refused(Exception):
    """The API server said no; the message is its own."""


@dataclass(frozen=True)
class Kind:
    """Where objects of a kind are found."""

    group_version: str
    plural: str
    is_namespaced: bool
    is_listed: bool

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The path of all objects, of those in a namespace, or of one. Kinds without a namespace ignore it."""
        root = f"/api/{self.group_version}" if "/" not in self.group_version else f"/apis/{self.group_version}"
        within = f"/namespaces/{namespace}" if self.is_namespaced and namespace else ""
        return f"{root}{within}/{self.plural}" + (f"/{name}" if name else "")


class Api:
    """Speaks to one API server as its master. Safe to use from several threads."""

    def __init__(self, address: str, token: str, authority: Path) -> None:
        self._client = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token}"},
            verify=ssl.create_default_context(cafile=str(authority)),
            timeout=60,
            trust_env=False,
        )
        self._kinds: dict[tuple[str, str], Kind] = {}

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def is_ready(self) -> bool:
        """Whether the server says that it is ready."""
        try:
            return bool(self._client.get("/readyz").status_code == 200)
        except httpx.TransportError:
            return False

    def get(self, path: str) -> Manifest:
        """One object, or a list of them. Raises Refused."""
        return self._asked("GET", path)[0]

    def items(self, path: str) -> list[Manifest]:
        """The objects of a list. Raises Refused."""
        found: list[Manifest] = self.get(path).get("items") or []
        return found

    def create(self, manifest: Manifest, namespace: str | None = None, is_trial: bool = False) -> list[str]:
        """Creates an object, or only tries to (everything but storing it); fields that the server does not know are refused.
        Returns its warnings. Raises Refused."""
        kind = self.kind_of(manifest)
        where = kind.path(manifest["metadata"].get("namespace", namespace))
        asked = f"{where}?fieldValidation=Strict" + ("&dryRun=All" if is_trial else "")
        return self._asked("POST", asked, manifest)[1]

    def post(self, path: str, body: Manifest) -> Manifest:
        """Raises Refused."""
        return self._asked("POST", path, body)[0]

    def patch(self, path: str, body: Manifest) -> Manifest:
        """Merges `body` into the object. Raises Refused."""
        return self._asked("PATCH", path, body, _PATCH)[0]

    def delete(self, path: str) -> None:
        """At once, without grace. Raises Refused."""
        self._asked("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})

    def end(self, path: str) -> None:
        """As `kubectl delete` does: with the grace that the object asks for. Raises Refused."""
        self._asked("DELETE", path)

    def text(self, path: str) -> str:
        """What is no object, such as a pod's log. Raises Refused."""
        reply = self._client.get(path)
        if reply.is_error:
            raise Refused(f"GET {path.partition('?')[0]}: {reply.status_code}: {reply.text}")
        said: str = reply.text
        return said

    def changes(self, path: str, version: str, seconds: int) -> Iterator[Manifest]:
        """What happens to the objects of a list after this version of it, for so many seconds. Raises Refused."""
        asked = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(seconds)}
        try:
            with self._client.stream("GET", path, params=asked) as reply:
                for line in reply.iter_lines():
                    change: Manifest = json.loads(line)
                    if change.get("type") not in ("ADDED", "MODIFIED", "DELETED"):
                        raise Refused(f"GET {path}: {change}")
                    yield change["object"]
        except httpx.TransportError as error:
            raise Refused(f"GET {path}: the API server does not answer: {error}") from error

    def kind_of(self, manifest: Manifest) -> Kind:
        """Raises Refused for a kind that the server does not serve."""
        wanted = (manifest["apiVersion"], manifest["kind"])
        if wanted not in self._kinds:
            self._discover()
        if wanted not in self._kinds:
            raise Refused(f"nothing serves {wanted[0]} {wanted[1]}")
        return self._kinds[wanted]

    def kinds(self) -> list[Kind]:
        """Every kind in every version that is preferred, freshly asked."""
        self._discover()
        return list(self._kinds.values())

    def _discover(self) -> None:
        versions = ["v1", *(group["preferredVersion"]["groupVersion"] for group in self.get("/apis")["groups"])]
        self._kinds = {}
        for version in versions:
            for each in self.get(f"/{'api' if version == 'v1' else 'apis'}/{version}")["resources"]:
                if "/" not in each["name"]:
                    kind = Kind(version, each["name"], each["namespaced"], "list" in each["verbs"])
                    self._kinds[version, each["kind"]] = kind

    def _asked(
        self, method: str, path: str, body: Manifest | None = None, content: str = "application/json"
    ) -> tuple[Manifest, list[str]]:
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                reply = self._client.request(method, path, json=body, headers={"Content-Type": content})
            except httpx.TransportError as error:
                raise Refused(f"{method} {path}: the API server does not answer: {error}") from error
            if reply.status_code != 429 or time.monotonic() > end:
                break
            time.sleep(float(reply.headers.get("Retry-After", 1)))
        told: Manifest = reply.json() if reply.content.startswith(b"{") else {"message": reply.text}
        if reply.is_error:
            raise Refused(f"{method} {path.partition('?')[0]}: {reply.status_code}: {told.get('message', reply.text)}")
        return told, reply.headers.get_list("Warning")
