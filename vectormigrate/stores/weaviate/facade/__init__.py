"""Weaviate's API, REST, GraphQL and gRPC, over a front: passed through while Weaviate is the primary, answered otherwise.

`port` is the door; `endpoints` the table; `capture` what a write may change; `passing` what Weaviate's own answer says;
the rest answers from any store.
"""
