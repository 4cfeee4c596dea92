"""One server by several names, options, and that nothing dials before it must."""

from dataclasses import replace

import pytest

from vectormigrate.model.collection import IdKind
from vectormigrate.model.errors import ConfigInvalid, Unreachable
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.weaviate import OPTIONS, open_store
from vectormigrate.stores.wrapper import Wrapper


async def test_one_server_by_several_names():
    stores = [
        open_store(Endpoint("weaviate", url))
        for url in ("http://localhost", "http://127.0.0.1:8080", "http://LOCALHOST:8080/v1")
    ]
    assert len({store.identity() for store in stores}) == 1
    other = open_store(Endpoint("weaviate", "http://127.0.0.1:8081"))
    assert other.identity() != stores[0].identity()
    for store in [*stores, other]:
        await store.close()


async def test_options():
    given = dict(zip(OPTIONS, ("1", "2", "3.5", "other", "5", "one", "yes", "tenants"), strict=True))
    async with open_store(Endpoint("weaviate", "http://host", options=given)) as store:
        assert await store.settle() == 3.5
        assert store.capabilities.id_kinds == {IdKind.UUID, IdKind.COMPOUND}
    for wrong in ({"wake_tenants": "perhaps"}, {"quarantine": "-1"}, {"keys": "yes"}):
        with pytest.raises(ConfigInvalid):
            open_store(Endpoint("weaviate", "http://host", options=wrong))


async def test_info_says_where_records_go(subject):
    info = await subject.store.info()
    assert info.version.count(".") >= 1
    assert info.details["grpc"].endswith(subject.store.endpoint.options["grpc_port"])


async def test_info_looks_whether_records_can_be_reached(subject):
    deaf = replace(subject.store.endpoint, options={"grpc_port": "1"})
    async with open_store(deaf) as store:
        with pytest.raises(Unreachable, match=":1 cannot be reached"):
            await store.info()


async def test_it_can_be_wrapped(subject):
    shape = await subject.create()
    await subject.fill(shape, 3)
    assert await Wrapper(subject.store).count(shape.name) == 3
