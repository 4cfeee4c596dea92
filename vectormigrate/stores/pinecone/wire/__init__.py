"""Pinecone's bodies to and from model values, both ways, so that the store and the facade speak one dialect. Pure.

`shape.py`: index descriptions of both generations; `metadata.py`: payloads; `records.py`: ids, namespaces, vectors,
scores. What only a facade needs is in modules of its own.
"""
