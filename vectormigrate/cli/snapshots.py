"""`export` and `import`: `migrate` with a folder of Parquet files on one side, by a word of its own.

The migration that they make is one like any other: `status`, `resume`, `validate` and `rollback` take its id. What a snapshot
is, and how it gets on disk, is `stores.parquet`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vectormigrate.api.commands import BY_NAME
from vectormigrate.daemon.config import Given
from vectormigrate.daemon.setting import Value
from vectormigrate.model.errors import UsageError
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.registry import open_store

from .call import Answer, Call
from .migrate import begin

_BATCH = 1000
"""Records of a write where nobody says how many: each is a file until the end, and 1,000 are three times as quick as 100."""


async def out(call: Call) -> Answer:
    """`export`: into a snapshot, named as the source's collection unless a name is given."""
    given: dict[str, Value] = {"target-type": "parquet", "target-url": call.words["folder"]}
    if call.value("source-index") and not call.value("target-index"):
        given["target-index"] = call.value("source-index")
    if call.merged["batch-size"].layer == "default":
        given["batch-size"] = _BATCH
    return await _migrated(call, given)


async def into(call: Call) -> Answer:
    """`import`: out of a snapshot, of a folder that holds it or is it."""
    folder, name = _folder(call), call.value("source-index")
    if not (name or call.value("url") or call.value("each-collection")):
        folder, name = await _only(folder)
    given: dict[str, Value] = {"source-type": "parquet", "source-url": str(folder)}
    if name:
        given |= {"source-index": name, "target-index": call.value("target-index") or name}
    return await _migrated(call, given)


def _folder(call: Call) -> Path:
    given = Path(call.words["folder"] or "")
    return given if call.value("url") else given.expanduser().absolute()


async def _only(folder: Path) -> tuple[Path, str]:
    """The folder of snapshots and the name of the only one that can be meant. Raises UsageError."""
    held = await _held(folder)
    if len(held) == 1:
        return folder, held[0]
    if held:
        raise UsageError(
            f"{folder} holds several snapshots: {', '.join(held)}", hint="name one with --source-index"
        )
    if folder.name in await _held(folder.parent):
        return folder.parent, folder.name
    raise UsageError(f"there is no snapshot in {folder}", hint="give the folder that `export` wrote into")


async def _held(folder: Path) -> list[str]:
    async with open_store(Endpoint("parquet", str(folder))) as store:
        return await store.collections()


async def _migrated(call: Call, given: Mapping[str, Value]) -> Answer:
    """Have `migrate` do it, with these values as if they had been given to it."""
    command, origin = BY_NAME["migrate"], f"{call.command.name} {call.words['folder']}"
    unsaid = {one.name: Given(one.default, "default", "default") for one in command.all_settings}
    said = {name: Given(value, "flag", origin) for name, value in given.items()}
    return await begin(call, call.migration_id, {**unsaid, **call.merged, **said})
