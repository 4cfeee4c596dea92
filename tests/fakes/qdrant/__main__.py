"""A server in a process of its own: prints its REST port and its gRPC port, and runs until it is ended."""

import signal
import sys

from .server import QdrantServer

running = QdrantServer(sys.argv[1] if len(sys.argv) > 1 else "").start()
print(running.server_port, running.grpc_port, flush=True)
signal.sigwait({signal.SIGTERM, signal.SIGINT})
running.stop()
