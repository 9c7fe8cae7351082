"""What becomes of every pod of a namespace, by a watch that misses none of it: a pod that has ended is gone a moment later."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.check.api import Api, Manifest, Refused

_ROUND_SECONDS = 5


class Watching:
    """The last that was seen of each pod, and what the watch itself failed at."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.failed: list[str] = []
        self._api, self._path = api, f"/api/v1/namespaces/{namespace}/pods"
        self._seen: dict[str, Manifest] = {}
        self._ends = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Watches until the block ends."""
        version: str = self._api.get(self._path)["metadata"]["resourceVersion"]
        watch = threading.Thread(target=self._watch, args=[version], name="watching")
        watch.start()
        try:
            yield
        finally:
            self._ends.set()
            watch.join()

    def pods(self) -> list[Manifest]:
        """Every pod that there was, as it was seen last."""
        return list(self._seen.values())

    def _watch(self, version: str) -> None:
        while not self._ends.is_set():
            try:
                for pod in self._api.changes(self._path, version, _ROUND_SECONDS):
                    version = pod["metadata"]["resourceVersion"]
                    self._seen[pod["metadata"]["uid"]] = pod
            except Refused as error:
                self.failed.append(str(error))
                return
