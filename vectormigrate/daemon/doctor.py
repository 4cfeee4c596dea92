"""Checks before anything starts: connections, rights, versions, disk. Reads; writes only a temporary file of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import apsw

from vectormigrate.model.errors import CollectionMissing, VectormigrateError
from vectormigrate.model.specification import Specification
from vectormigrate.model.status import Check
from vectormigrate.stores import registry
from vectormigrate.stores.base import Store
from vectormigrate.stores.placed import placed

from .parting import parts_of
from .placing import settled
from .secrets import Secrets

_LOW_WATER = 2**30
_NAMED = 10


async def doctor(spec: Specification | None, state: Path, secrets: Secrets) -> list[Check]:
    """Whether this machine, and both sides of a migration, are fit for it. Writes nothing to either side."""
    checks = [_check_sqlite(), _check_disk(state), *_check_sync(state)]
    if spec is None:
        return checks
    for side, ref in (("source", spec.source), ("target", spec.target)):
        try:
            async with placed(registry.open_store(await secrets.reach(ref, spec.id)), ref.placement) as store:
                checks += await _check_store(side, store)
                if not spec.division:
                    checks.append(
                        await _check_collection(side, store, ref.collection, must_exist=side == "source")
                    )
        except VectormigrateError as error:
            checks.append(Check(f"{side} connects", False, error.message, error.hint))
    if spec.division and all(check.ok for check in checks):
        checks.append(await _check_parts(spec, secrets))
    return checks


async def _check_parts(spec: Specification, secrets: Secrets) -> Check:
    try:
        if spec.splits:
            placement = (await settled(spec, secrets)).target.placement
            assert placement is not None
            told = [f"{name} to {place}" for name, place in sorted(placement.places.items())]
        else:
            told = [
                f"{part.source.collection} to {part.target.collection}"
                for part in await parts_of(spec, secrets)
            ]
    except VectormigrateError as error:
        return Check("parts", False, error.message, error.hint)
    named = ", ".join(told[:_NAMED])
    return Check("parts", True, f"{len(told):,}: {named}{' ...' if len(told) > _NAMED else ''}")


async def _check_store(side: str, store: Store) -> list[Check]:
    info = await store.info()
    details = ", ".join(f"{name} {value}" for name, value in info.details.items())
    return [
        Check(f"{side} connects", True, f"{info.kind} {info.version}" + (f" ({details})" if details else "")),
        *(Check(f"{side} in use", True, caution) for caution in info.cautions if side == "source"),
    ]


async def _check_collection(side: str, store: Store, collection: str, *, must_exist: bool) -> Check:
    try:
        shape = await store.describe(collection)
        count = await store.count(collection)
    except CollectionMissing as error:
        detail = error.message if must_exist else f"{collection} does not exist: it will be made"
        return Check(f"{side} collection", not must_exist, detail, error.hint if must_exist else "")
    vectors = ", ".join(f"{one.name or 'vector'} {one.element}[{one.dim or '?'}]" for one in shape.vectors)
    return Check(
        f"{side} collection",
        True,
        f"{collection}: {count:,} records, {shape.id.kind} ids, {vectors or 'no vectors'}",
    )


def _check_sqlite() -> Check:
    version = apsw.sqlite_lib_version()
    fixed = tuple(int(part) for part in version.split(".")[:3]) >= (3, 51, 3)
    return Check(
        "state library", fixed, f"SQLite {version}", "" if fixed else "update apsw: it can lose commits"
    )


def _check_disk(state: Path) -> Check:
    folder = next(parent for parent in state.absolute().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    enough = free >= _LOW_WATER
    return Check(
        "state disk", enough, f"{free / 2**30:,.1f} GiB free", "" if enough else "free at least 1 GiB"
    )


def _check_sync(state: Path) -> list[Check]:
    folder = state.absolute().parent
    if not folder.exists():
        return []
    times = []
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".fsync-") as file:
            for _ in range(20):
                file.write(b"x" * 4096)
                file.flush()
                began = time.perf_counter()
                os.fsync(file.fileno())
                times.append(time.perf_counter() - began)
    except OSError as error:
        return [
            Check(
                "state folder",
                False,
                f"{folder} cannot be written: {error.strerror}",
                "choose another --state",
            )
        ]
    times.sort()
    return [Check("state fsync", True, f"p50 {times[10] * 1e3:.2f} ms, slowest {times[-1] * 1e3:.2f} ms")]
