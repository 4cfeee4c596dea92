"""vectormigrate: move a live vector database to another one, exactly, and prove it.

The rooms, each of which imports only from those to its right:

    cli -> api -> daemon -> engine -> stores | state -> model

`model` holds plain values, `stores` the one port and its adapters, `state` the SQLite file,
`engine` what a migration does, `daemon` the running process, `api` the table of commands and
`cli` the words a person types.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
FORMAT_VERSION = 1
"""Of every JSON document that a command prints or writes: another one once something that a reader relies on goes or changes.
What is added is no such thing.
"""
__all__ = ["MigrateResult", "__version__", "migrate_vec"]

_LATER = {"migrate_vec": "vectormigrate.daemon.vec", "MigrateResult": "vectormigrate.model.documents"}
"""Loaded when they are asked for: every command imports this module, and so does every room."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LATER[name]), name)
