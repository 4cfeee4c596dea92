"""Milvus' messages to and from model values: the server's dialect, schemas, rows going in, rows coming out.

Pure: message classes only, no channel. Requests for the hot path are bytes, because a vector that is ready as an
array is appended to them as it is.
"""
