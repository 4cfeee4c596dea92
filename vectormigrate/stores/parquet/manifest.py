"""What a snapshot is, as one JSON document: its shape, its parts, and up to where its log is in them.

Replaced whole by a rename, so it is the old one or the new one; nothing that it does not name belongs to the snapshot.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import msgspec

from vectormigrate.model.collection import CollectionShape

from .errors import broken

NAME = "_manifest.json"
"""An underscore in front: whoever reads the folder as one data set passes over it."""
_FORMAT = "vectormigrate snapshot"
_VERSION = 1
_PART_FILE = re.compile(r"part-[0-9]{5,9}\.parquet")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of records in key order, behind all of the part before it."""

    file: str
    rows: int
    bytes: int
    sha256: str
    groups: tuple[int, ...]
    """Records of each row group."""
    last: tuple[str, ...]
    """The id text of the last record of each row group."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One state of a snapshot. `records` are those of the parts."""

    shape: CollectionShape
    complete: bool = False
    """The load was finished: all that was written by then is in the parts."""
    records: int = 0
    parts: tuple[Part, ...] = ()
    folded: int = 0
    """Number of the last file of the log that is in the parts."""
    written_by: str = ""
    format: str = _FORMAT
    version: int = _VERSION

    @property
    def next_part(self) -> int:
        """The number of a part that no part has."""
        return 1 + max((int(part.file[5:-8]) for part in self.parts), default=-1)


def read(folder: Path) -> Manifest:
    """The manifest of a snapshot. Raises FileNotFoundError, and StoreBroken for what is none that we can read."""
    data = (folder / NAME).read_bytes()
    try:
        told = msgspec.json.decode(data, type=_Told)
        if told.format == _FORMAT and told.version <= _VERSION:
            return _within(folder, msgspec.json.decode(data, type=Manifest))
    except msgspec.MsgspecError as error:
        raise broken(f"{folder / NAME} cannot be read: {error}", folder.name) from None
    raise broken(f"{folder / NAME} is of version {told.version} of {told.format[:80]!r}", folder.name)


def _within(folder: Path, manifest: Manifest) -> Manifest:
    """The manifest, whoever wrote it, if it names no file but parts of its own folder. Raises StoreBroken."""
    for part in manifest.parts:
        if not _PART_FILE.fullmatch(part.file):
            raise broken(
                f"{folder / NAME} names {part.file[:80]!r}, which is no part of a snapshot", folder.name
            )
    return manifest


class _Told(msgspec.Struct):
    format: str
    version: int


def write(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest, durably."""
    new = folder / f".{NAME}-{uuid4().hex}"
    with new.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / NAME)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
