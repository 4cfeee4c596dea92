"""A strict Pinecone in this process: control plane and data planes over REST on loopback ports, for the tests.

Written from the published API and its known limits, and sharing no code with our own codec: what one of them gets
wrong the other shows. `FakePinecone` is the service, `serving` puts it on the network.
"""

from .http import Served, serving
from .index import Refused
from .service import FakePinecone

__all__ = ["FakePinecone", "Refused", "Served", "serving"]
