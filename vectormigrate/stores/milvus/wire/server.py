"""Who answers, and what it can do: capabilities and limits by kind of server and by version.

Milvus Lite answers as "milvus_lite-3.2.2", a real server as "v2.3.5". The differences that matter are flags here,
so that nothing else asks for a version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import Element, FieldType, IdKind, KeyOrder, Metric

NAME_PATTERN = r"[A-Za-z_][A-Za-z0-9_]{0,254}"
MAX_TEXT_BYTES = 65_535
MAX_ARRAY = 4_096
MAX_SPARSE_INDEX = 2**32 - 2
MAX_WINDOW = 16_384
"""Most rows of one query, offset included; Milvus Lite has no such limit."""
_CARRIED = frozenset(
    f"milvus:{kind}" for kind in ("HNSW_SQ", "HNSW_PQ", "IVF_SQ8", "IVF_PQ", "SCANN", "DISKANN")
)
_OF_LITE = frozenset({"milvus:HNSW_SQ", "milvus:IVF_SQ8"})
_NOT_CARRIED = ("HNSW_PRQ", "IVF_RABITQ", "GPU_IVF_PQ")
QUANTISING = frozenset({*_CARRIED, *(f"milvus:{kind}" for kind in _NOT_CARRIED)})
"""Indexes that search by fewer bits than the vectors have; a copy gets the index of its source where `schema` knows its kind."""

_FIELD_TYPES = frozenset(
    {FieldType.BOOL, FieldType.INT, FieldType.FLOAT, FieldType.TEXT, FieldType.JSON, FieldType.ARRAY}
)


@dataclass(frozen=True, slots=True)
class Server:
    """One kind and version of server."""

    version: str
    lite: bool
    number: tuple[int, int]
    embedded: bool = False

    @property
    def nullable_fields(self) -> bool:
        return self.lite or self.number >= (2, 5)

    @property
    def sparse(self) -> bool:
        """On 2.3 a sparse field can be declared, never indexed, and loading it kills the server."""
        return self.lite or self.number >= (2, 4)

    @property
    def words(self) -> bool:
        """Whether it makes sparse vectors of texts, to be searched by words."""
        return self.lite or self.number >= (2, 5)

    @property
    def scalar_index(self) -> str:
        """The index type for a payload field; "" when only the server's own choice exists."""
        return "INVERTED" if self.lite or self.number >= (2, 4) else ""

    @property
    def replacing(self) -> str:
        """The call that puts a row in the place of the one with its key. On Milvus Lite an upsert keeps undeclared keys of
        the old row that the new one does not have, and is an insert in the end, which keeps nothing (its
        `Collection.upsert`); on a server, an insert makes a second row. The two requests have the same form.
        """
        return "Insert" if self.lite else "Upsert"

    @property
    def json_as_text(self) -> bool:
        """Milvus Lite holds a JSON column as text, and a value that is itself text without its quotes: values are
        sent as the text of their JSON, which is then held, and given back, to the letter.
        """
        return self.lite

    @property
    def page_limit(self) -> int | None:
        return None if self.lite else MAX_WINDOW

    def capabilities(self) -> Capabilities:
        return Capabilities(
            kind="milvus",
            id_kinds=frozenset({IdKind.INT, IdKind.TEXT}),
            key_order=frozenset({KeyOrder.NUMERIC, KeyOrder.BYTES}),
            elements=self._elements(),
            metrics=self._metrics(),
            field_types=_FIELD_TYPES,
            dynamic=True,
            quantises=_OF_LITE if self.lite else _CARRIED,
            aliases=True,
            sparse=self.sparse,
            empty_sparse=not self.lite,
            positive_weights=self.lite,
            max_sparse_index=MAX_SPARSE_INDEX,
            nullable_vectors=False,
            nullable_fields=self.nullable_fields,
            partitions=True,
            zero_vector_under_cosine=True,
            multi_process=not self.embedded,
            max_writers=1 if self.lite else None,
            scan_page=4_000 if self.lite else 2_000,
            write_batch=2_000 if self.lite else 10_000,
            write_bytes=(128 if self.lite else 48) * 2**20,
            max_id_bytes=MAX_TEXT_BYTES,
            max_payload_bytes=None if self.lite else 65_536,
            max_text_bytes=MAX_TEXT_BYTES,
            max_dim=32_768,
            max_vectors=None if self.lite else (4 if self.number >= (2, 4) else 1),
            name_pattern=NAME_PATTERN,
            shared_names=True,
            collection_pattern=rf"{NAME_PATTERN}(/{NAME_PATTERN})?",
            reserved_names=frozenset(
                {"$meta", "RowID", "Timestamp", "_seq", "_partition", "iso", "ISO", "interval", "INTERVAL"}
            ),
        )

    def _elements(self) -> frozenset[Element]:
        elements = {Element.FLOAT32}
        if not self.lite:
            elements.add(Element.BINARY)
            if self.number >= (2, 4):
                elements.add(Element.FLOAT16)
            if self.number >= (2, 6):
                elements.add(Element.INT8)
        return frozenset(elements)

    def _metrics(self) -> frozenset[Metric]:
        metrics = {Metric.COSINE, Metric.DOT, Metric.EUCLID}
        return frozenset(metrics if self.lite else metrics | {Metric.HAMMING, Metric.JACCARD})


def parse_version(text: str, *, embedded: bool = False) -> Server:
    """Read what GetVersion said; a text without a number is taken for the newest server."""
    # The real server of the `milvus` wheel calls itself "v2.3.5-lite", and is none.
    lite = text.casefold().startswith("milvus_lite")
    found = re.search(r"(\d+)\.(\d+)", text)
    number = (int(found[1]), int(found[2])) if found else (99, 0)
    return Server(text.removeprefix("milvus_lite-").removeprefix("v"), lite, number, embedded)
