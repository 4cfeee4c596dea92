"""The server that the tests of this folder share."""

from tests.fakes.milvus import judge_url, milvus_server, milvus_url

__all__ = ["judge_url", "milvus_server", "milvus_url"]
