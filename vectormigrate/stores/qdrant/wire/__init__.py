"""Qdrant's language, spoken both ways and without a network: JSON bodies and protobuf messages to and from the model.

`payloads` and `columns` are the pieces; `points` puts them together as JSON, `messages` as protobuf; `shape` is
a collection's configuration. The surprise: a vector without a name is the vector named "".
"""
