"""One index of the fake: what it is made of, in the words of both generations of the API."""

from __future__ import annotations

from dataclasses import dataclass, field


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, *, code: int = 3, headers: dict | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}


@dataclass(repr=False)
class FakeIndex:
    name: str
    dimension: int | None
    metric: str
    sparse: bool
    pod: dict | None
    cloud: str
    region: str
    tags: dict
    protected: bool = False
    ready_at: float = 0.0
    port: int = 0
    grpc_port: int = 0
    namespaces: dict = field(default_factory=dict)
    byoc: str = ""
    """The environment of an index in its owner's cloud."""


def old_style(body: dict) -> FakeIndex:
    spec = body.get("spec") or {}
    sparse = body.get("vector_type") == "sparse"
    metric = body.get("metric") or ("dotproduct" if sparse else "cosine")
    if (sparse and ("dimension" in body or metric != "dotproduct")) or "schema" in body:
        raise Refused(400, "a sparse index has no dimension and is compared by dotproduct")
    if not sparse and not 1 <= body.get("dimension", 0) <= 20_000:
        raise Refused(400, "dimension must be between 1 and 20000")
    place = spec.get("serverless") or spec.get("byoc") or {}
    if not place and not spec.get("pod"):
        raise Refused(422, "spec is missing")
    return FakeIndex(
        body["name"],
        body.get("dimension"),
        metric,
        sparse or metric == "dotproduct",
        spec.get("pod"),
        place.get("cloud", ""),
        place.get("region", ""),
        {},
        byoc=place.get("environment", ""),
    )


def new_style(body: dict) -> FakeIndex:
    if {"dimension", "metric", "spec", "vector_type"} & body.keys():
        raise Refused(400, "unknown field: this version takes schema and deployment")
    fields = (body.get("schema") or {}).get("fields") or {}
    dense = fields.get("_values")
    place = body.get("deployment") or {}
    if not fields or not place:
        raise Refused(422, "schema and deployment are needed")
    pod = {key: value for key, value in place.items() if key != "deployment_type"}
    return FakeIndex(
        body["name"],
        dense["dimension"] if dense else None,
        dense["metric"] if dense else "dotproduct",
        "_sparse_values" in fields,
        pod if place["deployment_type"] == "pod" else None,
        place.get("cloud", ""),
        place.get("region", ""),
        {},
        byoc=place.get("environment", "") if place["deployment_type"] == "byoc" else "",
    )
