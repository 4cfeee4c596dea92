"""The manifest is read as it was written, and refused when it is none that we know."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField
from vectormigrate.model.errors import StoreBroken
from vectormigrate.stores.parquet.manifest import NAME, Manifest, Part, read, write

SHAPE = CollectionShape("docs", IdField("k", IdKind.INT), (VectorField("v", dim=2, metric=Metric.DOT),))
PART = Part("part-00004.parquet", 3, 100, "ab", (2, 1), ("i:1", "i:9"))


def test_it_comes_back_whole(tmp_path):
    manifest = Manifest(SHAPE, True, 3, (PART,), 7, "somebody")
    write(tmp_path, manifest)
    assert read(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_outsiders_find_shape_metric_counts_and_digests(tmp_path):
    write(tmp_path, Manifest(SHAPE, True, 3, (PART,)))
    told = json.loads((tmp_path / NAME).read_text())
    assert told["shape"]["id"]["kind"] == "int"
    assert told["shape"]["vectors"][0]["metric"] == "dot"
    assert (told["records"], told["parts"][0]["rows"], told["parts"][0]["sha256"]) == (3, 3, "ab")
    assert (told["format"], told["version"]) == ("vectormigrate snapshot", 1)


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "{}",
        '{"format": "other", "version": 1}',
        '{"format": "vectormigrate snapshot", "version": 2}',
        '{"format": "vectormigrate snapshot", "version": 1}',
    ],
)
def test_what_is_none_of_ours_is_refused(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(StoreBroken, match=r"manifest\.json"):
        read(tmp_path)


def test_a_new_part_has_a_number_of_its_own():
    assert Manifest(SHAPE).next_part == 0
    assert Manifest(SHAPE, parts=(PART,)).next_part == 5


@pytest.mark.parametrize(
    "file", ["../part-00000.parquet", "/etc/passwd", "part-1.parquet", "part-00000.parquet/.."]
)
def test_it_names_nothing_outside_its_folder(tmp_path, file):
    write(tmp_path, Manifest(SHAPE, True, 3, (replace(PART, file=file),)))
    with pytest.raises(StoreBroken, match="which is no part of a snapshot"):
        read(tmp_path)
