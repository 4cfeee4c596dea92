"""Reports as a run would make them: a full scan that found nothing, a sample that found some of everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vectormigrate.daemon.report import Report
from vectormigrate.model.collection import CollectionShape, IdField, IdKind
from vectormigrate.model.identity import IdRule
from vectormigrate.model.mapping import Fate, FieldPlan, MappingPlan, VectorPlan
from vectormigrate.model.phase import Phase
from vectormigrate.model.status import MigrationStatus, RollbackReport, ValidationReport, WorstPair

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

STATUS = MigrationStatus(
    migration_id="catalogue-to-milvus",
    phase=Phase.VERIFIED,
    resume_phase=None,
    source="pgvector:public.synsets",
    target="milvus:synsets",
    total=3000,
    copied=3100,
    batches=31,
    bytes=5_400_000,
    ranges=8,
    ranges_done=8,
    debt=0,
    dead_letters=0,
    findings=0,
    created_at=BEGAN,
    started_at=BEGAN,
    ended_at=BEGAN + timedelta(seconds=12.5),
)

FULL = ValidationReport(
    migration_id=STATUS.migration_id,
    method="full",
    started_at=BEGAN + timedelta(seconds=13),
    seconds=2.5,
    source_count=3000,
    target_count=3000,
    compared=3000,
    missing=0,
    extra=0,
    mismatched=0,
    bit_equal=3000,
    threshold=0.999,
    min_cosine=1.0,
    mean_cosine=1.0,
    min_norm_ratio=1.0,
    max_norm_ratio=1.0,
    mismatch_rate_upper95=None,
    histogram=(*((low / 100, (low + 1) / 100, 0) for low in range(90, 99)), (0.99, 1.0, 3000)),
    ranges=tuple(
        {
            "method": "merge",
            "lower": None if number == 0 else f"s:{number * 1250:08d}-n",
            "upper": None if number == 7 else f"s:{(number + 1) * 1250:08d}-n",
            "source_count": 375,
            "target_count": 375,
            "compared": 375,
            "missing": 0,
            "extra": 0,
            "mismatched": 0,
            "source_digest": f"{number:x}3f09ab4e1c72d58",
            "target_digest": f"{number:x}3f09ab4e1c72d58",
        }
        for number in range(8)
    ),
    ok=True,
    statement="every one of 3,000 records was compared on both sides and none differs",
)

SAMPLE = replace(
    FULL,
    method="sample",
    seed=42,
    compared=1000,
    missing=2,
    mismatched=3,
    bit_equal=994,
    min_cosine=0.4127,
    mean_cosine=0.99931,
    min_norm_ratio=0.5,
    mismatch_rate_upper95=0.0105,
    histogram=(
        (0.4, 0.5, 1),
        (0.5, 0.6, 0),
        (0.6, 0.7, 0),
        (0.7, 0.8, 0),
        (0.8, 0.9, 0),
        (0.9, 0.99, 1),
        (0.99, 0.999, 0),
        (0.999, 0.9999, 2),
        (0.9999, 1.0, 994),
    ),
    worst=(
        WorstPair("s:00001740-n", "embedding", 0.4127, 1.0, bit_equal=False),
        WorstPair('s:<script>alert("id")</script>', "embedding", 0.93, 0.5, bit_equal=False),
        WorstPair("s:02084071-n", "embedding", 0.9999999, 1.0, bit_equal=False),
    ),
    findings=(
        {"kind": "missing", "id": "s:gone", "detail": "", "cosine": None, "norm_ratio": None},
        {"kind": "missing", "id": "s:txt.\u202eexe", "detail": "", "cosine": None, "norm_ratio": None},
        {
            "kind": "vector",
            "id": 's:<script>alert("id")</script>',
            "detail": "embedding: cosine 0.93, length halved",
            "cosine": 0.93,
            "norm_ratio": 0.5,
        },
        {
            "kind": "payload",
            "id": "s:02084071-n",
            "detail": "field 'names': ru differs",
            "cosine": None,
            "norm_ratio": None,
        },
    ),
    ranges=(),
    ok=False,
    statement="5 of 1,000 sampled records differ",
)

CLEAN_SAMPLE = replace(
    SAMPLE,
    compared=3000,
    missing=0,
    mismatched=0,
    bit_equal=3000,
    min_cosine=1.0,
    mismatch_rate_upper95=0.001,
    histogram=((0.99, 1.0, 3000),),
    worst=(),
    findings=(),
    ok=True,
    statement="",
)

MAPPING = MappingPlan(
    IdRule.SAME,
    CollectionShape("synsets", IdField("synset", IdKind.TEXT)),
    (VectorPlan("embedding", "embedding", Fate.EXACT),),
    (
        FieldPlan("lemma", "lemma", Fate.EXACT),
        FieldPlan(
            "per_million", "per_million", Fate.CONVERTED, "decimal_text", "decimal as text, all digits kept"
        ),
        FieldPlan("blob", "", Fate.DROPPED, reason="left behind by request"),
    ),
)

ROLLBACK = RollbackReport(
    STATUS.migration_id,
    dry_run=False,
    deleted=3000,
    restored=0,
    left=0,
    foreign_kept=25,
    foreign_changed=0,
    collection_dropped=False,
    seconds=1.25,
)

REPORT = Report(
    STATUS,
    BEGAN + timedelta(minutes=1),
    FULL,
    MAPPING,
    versions={
        "vectormigrate": "0.1.0",
        "source": "PostgreSQL 18.6, pgvector 0.8.6",
        "target": "Milvus Lite 3.2.2",
    },
)
