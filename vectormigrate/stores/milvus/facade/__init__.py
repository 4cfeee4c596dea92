"""Milvus' API, gRPC and REST, over a front: passed through while Milvus is the primary, answered from a store otherwise.

`port` is the door; `endpoints` the table; `capture` what a write may change; `transcoding` turns REST into the messages of
gRPC and back, so that everything behind it, capture and answers, is there once.
"""
