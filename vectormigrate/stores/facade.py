"""The port of a facade: a vendor's API served over a `Front`. Who listens is not here; what it answers is the vendor's.

Every endpoint that the vendor documents has a `Decision`, in a table that a test holds against the vendor's own
description. A facade never dials, keeps no state between requests but what `Front` and stores give it, and lets no
foreseen error out: it answers in the vendor's error shape.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum

from vectormigrate.model.collection import CollectionShape

from .raw import Conversation, HttpRequest, HttpResponse, RpcCall, RpcReply, Upstream


class Decision(StrEnum):
    """What happens to an endpoint's requests."""

    FORWARD = "forward"
    """A read that only the vendor's own server can answer: passed through; refused once it is not the primary."""
    SERVE = "serve"
    """A read: passed through while the primary is the vendor's own server, answered from the store otherwise."""
    CAPTURE = "capture"
    """A write: marked, then passed through, or applied to the store."""
    REFUSE = "refuse"
    """Would change records in a way that nobody could follow: refused for collections under migration."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of a facade's table. `method` is "RPC" for gRPC, whose path is "/package.Service/Method"."""

    method: str
    path: str
    """With `{names}` where values stand."""
    decision: Decision
    why: str = ""
    """For FORWARD and REFUSE: the reason, as the user is told."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How clients come to a facade, and what it is there for: what it cannot know from a request."""

    url: str
    """Its own address as clients reach it, scheme and all: some vendors tell their clients where to go on."""
    collection: str = ""
    """What is served where a vendor gives every collection an address of its own; "" where requests name it."""
    shape: CollectionShape | None = None
    """What that collection is like at the source, as far as it is known."""
    namespace: str = ""
    """The one namespace that it holds, if it holds only one."""
    control: Upstream | None = None
    """The vendor's server for what concerns no collection in particular, where that is not the one behind the front."""


class Facade(ABC):
    """One vendor's API over one front."""

    dialect: str
    """The registry's name of the vendor."""

    endpoints: tuple[Endpoint, ...]

    streams: frozenset[str] = frozenset()
    """Methods of gRPC that are held in `conversation`."""

    @abstractmethod
    async def http(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""

    async def rpc(self, call: RpcCall) -> RpcReply:
        """Answer one gRPC call; unimplemented (12) unless the vendor has gRPC."""
        return RpcReply(code=12, details=f"{call.method} is not served here")

    def conversation(self, call: RpcCall) -> Conversation:
        """Begin one call of a method that streams both ways; its request is empty. Only of `streams`."""
        raise LookupError(f"{call.method} does not stream")
