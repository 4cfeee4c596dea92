"""The facade over a store or a front, asked by gRPC and by REST."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.fakes.clock import FakeClock
from vectormigrate.stores.base import Store
from vectormigrate.stores.front import Front, Standing
from vectormigrate.stores.milvus.facade.answering import REPLIES, REQUESTS
from vectormigrate.stores.milvus.facade.emulated import Emulated
from vectormigrate.stores.milvus.facade.endpoints import REST, SERVICE
from vectormigrate.stores.milvus.facade.port import MilvusFacade
from vectormigrate.stores.milvus.pb import common_pb2, schema_pb2
from vectormigrate.stores.milvus.wire.rows import write_rows, write_targets
from vectormigrate.stores.milvus.wire.schema import read_layout
from vectormigrate.stores.raw import HttpRequest, RpcCall

T = schema_pb2.DataType


def schema(name="c", *, dynamic=True, auto=False, text=False, more=()):
    """A key, a vector of two numbers, and further fields by name, type and words."""
    made = schema_pb2.CollectionSchema(name=name, enable_dynamic_field=dynamic, autoID=auto)
    key = made.fields.add(
        name="id", is_primary_key=True, autoID=auto, data_type=T.VarChar if text else T.Int64
    )
    if text:
        key.type_params.add(key="max_length", value="20")
    vector = made.fields.add(name="v", data_type=T.FloatVector)
    vector.type_params.add(key="dim", value="2")
    for field_name, kind, words in more:
        params = words.pop("params", {})
        column = made.fields.add(name=field_name, data_type=kind, **words)
        for key_, value in params.items():
            column.type_params.add(key=key_, value=str(value))
    return made


TYPED = schema(
    dynamic=False,
    more=[
        ("n", T.Int64, {"nullable": True}),
        ("small", T.Int8, {"default_value": schema_pb2.ValueField(int_data=7)}),
        ("t", T.VarChar, {"params": {"max_length": 5}}),
        ("tags", T.Array, {"element_type": T.Int64, "params": {"max_capacity": 3}, "nullable": True}),
        ("j", T.JSON, {"nullable": True}),
        ("f", T.Float, {"nullable": True}),
    ],
)


def pairs(**values):
    return [
        common_pb2.KeyValuePair(key=key, value=value if isinstance(value, str) else json.dumps(value))
        for key, value in values.items()
    ]


def put(rows, of, rpc="Insert", **words):
    """An InsertRequest or UpsertRequest."""
    message = REQUESTS[rpc](collection_name=of.name, num_rows=len(rows), **words)
    message.fields_data.extend(write_rows(rows, read_layout(of)))
    return message


def search(vector=(1, 0), of=None, using="v", limit=10, **params):
    """A SearchRequest of one vector."""
    layout = read_layout(of or schema())
    column = next(column for column in layout.vectors if column.name == using)
    words = {name: params.pop(name) for name in ("dsl", "output_fields", "partition_names") if name in params}
    return REQUESTS["Search"](
        collection_name=layout.collection,
        placeholder_group=write_targets([list(vector)], column),
        search_params=pairs(anns_field=using, topk=limit, **params),
        nq=1,
        **words,
    )


@dataclass
class Served:
    """One facade."""

    store: Store | None = None
    front: Front | None = None
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        if self.front is None:
            assert self.store is not None
            self.front = Standing(Emulated(self.store))
        self.facade = MilvusFacade(self.front, self.clock)

    async def rpc(self, name: str, message: Any = None, **words: Any) -> Any:
        """The reply to a call, which must have one."""
        message = REQUESTS[name](**words) if message is None else message
        reply = await self.facade.rpc(RpcCall(SERVICE + name, message.SerializeToString()))
        assert reply.code == 0, reply.details
        return REPLIES[name].FromString(reply.message)

    async def ok(self, name: str, message: Any = None, **words: Any) -> Any:
        """The same, and it must not be an error."""
        reply = await self.rpc(name, message, **words)
        status = reply if reply.DESCRIPTOR.name == "Status" else reply.status
        assert (status.code, status.reason) == (0, "")
        return reply

    async def refused(self, name: str, message: Any = None, **words: Any) -> tuple[int, str]:
        """Code and reason of a call that must be one."""
        reply = await self.rpc(name, message, **words)
        status = reply if reply.DESCRIPTOR.name == "Status" else reply.status
        assert status.code
        assert status.error_code
        return status.code, status.reason

    async def rest(self, path: str, body: Any = None) -> dict[str, Any]:
        """The answer to a request."""
        text = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        response = await self.facade.http(HttpRequest("POST", REST + path, body=text))
        told: dict[str, Any] = json.loads(response.body)
        return told

    async def make(self, made: Any = None, metric: str = "COSINE") -> Any:
        """A collection with an index, loaded."""
        made = schema() if made is None else made
        await self.ok("CreateCollection", collection_name=made.name, schema=made.SerializeToString())
        for one in made.fields:
            if T.Name(one.data_type).endswith("Vector"):
                kind = "IP" if one.data_type == T.SparseFloatVector else metric
                await self.ok(
                    "CreateIndex",
                    collection_name=made.name,
                    field_name=one.name,
                    extra_params=pairs(index_type="FLAT", metric_type=kind),
                )
        await self.ok("LoadCollection", collection_name=made.name)
        return made

    async def ids(self, expr: str, **words: Any) -> list[Any]:
        """Keys of what matches."""
        found = await self.ok("Query", collection_name="c", expr=expr, **words)
        scalars = found.fields_data[0].scalars
        return list(scalars.long_data.data) or list(scalars.string_data.data)


def rows(count):
    """As many plain records."""
    return [{"id": row, "v": [float(np.cos(row)), float(np.sin(row))], "n": row} for row in range(count)]
