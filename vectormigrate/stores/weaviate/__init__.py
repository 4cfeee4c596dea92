"""Weaviate, 1.27 and later: a server, a cluster, or the vendor's cloud, by REST and gRPC, which it needs both.

The one surprise: every number of a property is a double, so integers beyond 2**53 are kept beside it as text, as is
whatever else a property cannot give back exactly.
"""
