"""A server in a process of its own: prints its REST port and its gRPC port, and runs until it is ended."""

import signal
import sys

ENDING = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # before there are threads, so that none of them gets it

from .server import QdrantServer  # noqa: E402 the engine starts threads

running = QdrantServer(sys.argv[1] if len(sys.argv) > 1 else "").start()
print(running.server_port, running.grpc_port, flush=True)
signal.sigwait(ENDING)
running.stop()
