"""Weaviate's bodies and messages to and from model values, both ways, and pure: what adapter and facade share.

`shape.py` has classes, `layout.py` what rows need to know of one, `values.py` the values of properties, `vectors.py`
their bytes, `objects.py` objects as JSON and `messages.py` as protobuf.
"""
