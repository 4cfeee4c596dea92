"""The demonstration: embedded servers, its data and its story.

`command` is the door for the command line, `story` tells, `process` runs our own commands, `witness` and its two
neighbours are the vendors' own clients, `dataset` is the data and `postgres` the embedded server (also of the tests).
"""
