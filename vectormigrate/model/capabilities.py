"""What a store can and cannot do, as data: the mapping, the planner, doctor and the conformance suite go by it.

Limits are the vendor's published or measured ones, in the unit that the name says; None means no limit known.
"""

from __future__ import annotations

from dataclasses import dataclass

from .collection import Element, FieldType, IdKind, KeyOrder, Metric


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The abilities and limits of one kind of store."""

    kind: str
    id_kinds: frozenset[IdKind]
    key_order: frozenset[KeyOrder]
    """Orders that a collection *created by us* scans in."""
    elements: frozenset[Element]
    metrics: frozenset[Metric]
    field_types: frozenset[FieldType]
    """Types of declared fields that are held exactly; others are converted or refused by the mapping. None at all says
    that nothing can be declared: fields become undeclared keys.
    """
    dynamic: bool
    """A created collection can hold undeclared keys."""
    sparse: bool = False
    empty_sparse: bool = True
    """A sparse vector may have no weight at all."""
    positive_weights: bool = False
    """Weights of a sparse vector are above zero."""
    max_weights: int | None = None
    """Most weights of one sparse vector."""
    max_sparse_index: int | None = None
    """The greatest index of a sparse vector; the least is 0."""
    multi: bool = False
    nullable_vectors: bool = False
    nullable_sparse: bool = False
    """Records may lack the sparse vector of a collection that has a dense one, even where they may not lack others."""
    nullable_fields: bool = True
    partitions: bool = False
    partition_pattern: str = r"(?s).*"
    """What the name of a partition must match, whole."""
    insert_only: bool = False
    """`Store.insert` exists and is atomic on the id."""
    transactional: bool = False
    """A write is applied whole or not at all."""
    normalises_cosine: bool = False
    """Vectors under cosine read back with length one."""
    zero_vector_under_cosine: bool = True
    zero_vectors: bool = True
    """A dense vector of zeros can be stored, under other metrics than cosine."""
    non_finite: bool = False
    """NaN and infinity can be stored in a vector."""
    inexact_doubles: bool = False
    """A double in a payload may come back up to two units in its last place off."""
    nul_in_text: bool = True
    multi_process: bool = True
    """Several processes may hold the collection open at once."""
    max_writers: int | None = None
    """Most writers that make sense at once, in all processes."""
    scan_page: int = 1000
    """Records a scan page at which this store reads best."""
    write_batch: int = 10_000
    """Most records of one write request."""
    write_bytes: int | None = None
    """Most bytes of one write request."""
    max_id_bytes: int | None = None
    ascii_ids: bool = False
    """Text ids are of ASCII, and not empty."""
    max_payload_bytes: int | None = None
    max_text_bytes: int | None = None
    """Most bytes of one declared text field."""
    max_dim: int | None = None
    max_vectors: int | None = None
    """Most vector fields of one collection."""
    max_dense: int | None = None
    """Most dense vector fields of one collection, where that is fewer."""
    name_pattern: str = r".+"
    """What a field name must match, whole."""
    vector_pattern: str = ""
    """What the name of a vector must match, whole, where that is not what a field's must; one without a name has ""."""
    collection_pattern: str = r".+"
    """What a collection name must match, whole."""
    reserved_names: frozenset[str] = frozenset()
    shared_names: bool = False
    """A payload key cannot have the name of the key or of a vector, even one that nobody declared."""
    quantises: frozenset[str] = frozenset()
    """Ways of searching by fewer bits that go along with an index or the native part of a shape: see `VectorField.quantised`."""
    aliases: bool = False
    """Collections may go by other names as well."""
    queries: bool = True
    filters: bool = True
    """`Query.filter` is understood."""
