"""What the real frameworks wrote, see `integration/layouts/make.py`, and shapes as their collections have them."""

import json
from pathlib import Path

from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind, VectorField

FIXTURES = Path(__file__).parents[1] / "fixtures" / "layouts"
FILES = {
    path.stem.replace("-", ":", 1).replace("pgvector-v2", "pgvector"): json.loads(path.read_text())
    for path in sorted(FIXTURES.glob("*.json"))
}
"""By profile."""


def shape(*names, dynamic=False):
    return CollectionShape(
        "docs",
        IdField("key", IdKind.TEXT),
        (VectorField("v"),),
        tuple(Field(name, FieldType.TEXT) for name in names),
        dynamic=dynamic,
    )
