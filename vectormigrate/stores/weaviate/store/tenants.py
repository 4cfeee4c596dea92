"""Tenants of a class: which there are, and calls that wake those that are asleep.

A call on an inactive tenant fails. Where `wake_tenants` allows it, the tenant is then activated and the call made once
more; when the store is closed, every tenant that was woken is put to sleep again, by a process that is gone as well. Offloaded
tenants are left alone.
"""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import quote

from vectormigrate.model.errors import CollectionMissing, StoreError
from vectormigrate.stores.weaviate.errors import TenantAsleep

from .link import Link
from .woken import Woken

_ASLEEP = ("COLD", "INACTIVE")
_READY = ("HOT", "ACTIVE")
_AWAKE, _SLEEPING = "HOT", "COLD"
"""Spelled as every version understands it."""


class Tenants:
    """Blocking; safe to share between threads."""

    def __init__(self, link: Link, woken: Woken, *, wake: bool) -> None:
        self._link = link
        self._wake = wake
        self._woken = woken
        self._lock = threading.Lock()

    def states(self, name: str, collection: str) -> dict[str, str]:
        """The tenants of a class, with the state of each."""
        told = self._link.rest("GET", _path(name), collection=collection)
        return {str(one["name"]): str(one.get("activityStatus") or _AWAKE) for one in told}

    def names(self, name: str, collection: str) -> list[str]:
        """The tenants of a class in the order of a scan: bytewise, as ASCII is."""
        return sorted(self.states(name, collection))

    def awake(self, name: str, collection: str) -> list[str]:
        """Those that can be asked without waking anybody."""
        return [one for one, state in self.states(name, collection).items() if state in _READY]

    def call(self, method: str, request: Any, *, collection: str, tenant: str | None = None) -> Any:
        """A gRPC call that concerns one tenant, or none; one that is asleep is woken for it. Raises TenantAsleep."""
        place = request.tenant if tenant is None else tenant
        try:
            return self._link.call(method, request, collection=collection)
        except TenantAsleep:
            self.wake(request.collection, place, collection)
        return self._link.call(method, request, collection=collection)

    def wake(self, name: str, tenant: str, collection: str) -> None:
        """Activate a tenant that is inactive. Raises TenantAsleep where that is not allowed, or it is offloaded."""
        state = self.states(name, collection).get(tenant, "")
        place = self._link.place(collection)
        if state in _ASLEEP and not self._wake:
            raise place.error(
                TenantAsleep,
                f"tenant {tenant!r} of {name!r} is inactive",
                "set the option wake_tenants to yes: it is put back to sleep afterwards",
            )
        if state in _ASLEEP:
            with self._lock:
                self._woken.add(name, tenant)
            self._set(name, tenant, _AWAKE, collection)
        elif state not in _READY:
            raise place.error(
                TenantAsleep, f"tenant {tenant!r} of {name!r} is {state.lower() or 'gone'}", "load it first"
            )

    def _set(self, name: str, tenant: str, state: str, collection: str) -> None:
        self._link.rest(
            "PUT", _path(name), [{"name": tenant, "activityStatus": state}], collection=collection
        )

    def restore(self) -> None:
        """Put what was woken to sleep again, as far as the server can be reached; repeatable."""
        if not self._wake:
            return
        with self._lock:
            asleep = [self._put_to_sleep(name, tenant) for name, tenant in self._woken.all()]
            self._woken.end(settled=all(asleep))

    def _put_to_sleep(self, name: str, tenant: str) -> bool:
        """Whether nothing is left to do: a class or a tenant that is gone needs no sleep."""
        try:
            if self.states(name, name).get(tenant) in _READY:
                self._set(name, tenant, _SLEEPING, name)
        except CollectionMissing:
            pass
        except StoreError:
            return False
        return True


def _path(name: str) -> str:
    return f"/schema/{quote(name, safe='')}/tenants"
