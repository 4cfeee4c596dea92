"""Qdrant's API, REST and gRPC, over a front: passed through while Qdrant is the primary, answered from a store otherwise.

`port` is the door; `endpoints` the table; `capture` what a write may change; `passing` the way to Qdrant itself; the
rest answers from any store, out of the values that `wire` reads requests into.
"""
