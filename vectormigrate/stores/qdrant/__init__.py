"""Qdrant: a server or a cluster of its own, spoken to by REST, and by gRPC where a port for it is given."""
