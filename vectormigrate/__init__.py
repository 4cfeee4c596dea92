"""vectormigrate: move a live vector database to another one, exactly, and prove it.

The rooms, each of which imports only from those to its right:

    cli -> api -> daemon -> engine -> stores | state -> model

`model` holds plain values, `stores` the one port and its adapters, `state` the SQLite file,
`engine` what a migration does, `daemon` the running process, `api` the table of commands and
`cli` the words a person types.
"""

__version__ = "0.1.0"
