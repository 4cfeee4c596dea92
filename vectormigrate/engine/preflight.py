"""What a migration would do, before it does anything: both sides looked at, the mapping planned, reasons to refuse.

Reads only. `plan`, dry runs and the conductor's own preflight all go through here, so what is shown is what happens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace

import numpy as np

from vectormigrate.engine import aliases as names
from vectormigrate.engine import hidden, placing
from vectormigrate.engine.aliases import Aliases
from vectormigrate.engine.backfill.planner import plan_ranges
from vectormigrate.engine.layouts import Layouts, layouts
from vectormigrate.engine.returning import unrestored
from vectormigrate.model import jsonvalue
from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import COMPUTED, CollectionShape, Element, FieldType, Metric, VectorKind
from vectormigrate.model.division import whole_of
from vectormigrate.model.edits import Redaction
from vectormigrate.model.errors import (
    CollectionMissing,
    MappingRefused,
    TargetNotEmpty,
    UsageError,
    VectormigrateError,
)
from vectormigrate.model.inference import SAMPLE, SeenField, infer
from vectormigrate.model.inverse import obstacles
from vectormigrate.model.join import joined
from vectormigrate.model.mapping import MappingPlan, Translator, make_plan
from vectormigrate.model.plan import PARTITION, UNDECLARED, FieldPlan, MappingOptions, VectorPlan, fates
from vectormigrate.model.quantising import left_behind
from vectormigrate.model.record import id_text
from vectormigrate.model.specification import Existing, Mode, Specification
from vectormigrate.model.status import PlanDocument
from vectormigrate.model.telling import of_record
from vectormigrate.stores.admission import Admission
from vectormigrate.stores.base import EVERYWHERE, Store
from vectormigrate.stores.surrogate import SurrogateStore, keyed

_FEW = 200
"""Records that are enough to forecast sizes from."""
_SAMPLE_BYTES = 256 * 2**20
"""Most bytes of vectors in a sample."""
_RETURNED = 1_000
"""Records of the sample that are sent there and back in thought."""
_WRITE_SLOWER = 2.0
"""How much slower than the sampled read a move is, for the forecast: writes are, on every store measured."""


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A sampled record that would end in the dead letters, by its source id text, and why."""

    id: str
    error: VectormigrateError


@dataclass(frozen=True, slots=True)
class Preflight:
    """Both sides as they are, and the plan between them."""

    source: CollectionShape
    total: int
    existing: CollectionShape | None
    target_count: int
    mapping: MappingPlan
    record_bytes: int
    """Of the sampled records, on average; estimated from the shape when there are none."""
    read_rate: float | None
    """Records a second of the sample read."""
    sampled: int
    refused: tuple[RefusedRecord, ...]
    """Sampled records that the mapping refuses."""
    inferred: tuple[SeenField, ...]
    """What the sampled payloads hold."""
    payload_bytes: int
    """Of the sampled records, as JSON, on average."""
    write_records: int
    """Most records that one write request of the target takes, as far as the sample tells."""
    layouts: Layouts
    notes: tuple[str, ...]
    """What is worth knowing of the source's vectors and layout."""
    unrestored: tuple[str, ...]
    """What of the sample would not come back as it was."""
    aliases: Aliases
    cautions: tuple[str, ...] = ()
    """What the source says of itself where it is in use meanwhile."""

    @property
    def all_refused(self) -> bool:
        """Whether nothing of the sample would arrive: no mishap of some records, but a wrong plan."""
        return len(self.refused) == self.sampled > 0


async def examine(
    spec: Specification, source: Store, target: Store, monotonic: Callable[[], float]
) -> Preflight:
    """Look at both sides.

    Raises what the stores say, UsageError for mapping names that mean nothing, ShapeMismatch and MappingRefused for
    ids, metric or dimension that do not fit. Losses are in the plan: `MappingPlan.check` refuses them.
    """
    shape = await source.describe(spec.source.collection)
    await _refuse_same(spec, source, target)
    _check_names(spec, shape)
    _check_key(spec, target)
    total = await source.count(spec.source.collection)
    try:
        existing: CollectionShape | None = await target.describe(spec.target.collection)
        held = await target.count(spec.target.collection)
    except CollectionMissing:
        existing, held = None, 0
    began = monotonic()
    sample = await _sample(spec, source)
    took = monotonic() - began
    proposal = _proposed(spec, source, shape, sample, target.capabilities, existing)
    shape, mapping = proposal.source, proposal.mapping
    if spec.target.placement is not None:
        with _placed(spec):
            placing.check(spec.target.placement, mapping, sample, target)
    if existing is None and not mapping_refuses(mapping):
        with _placed(spec):
            await target.check_create(mapping.target)
    aliases = await names.find(
        source, spec.source.collection, target, spec.target.collection, made=existing is None
    )
    mapping = replace(mapping, aliases=aliases.carried)
    alike = existing is None and source.capabilities.kind == target.capabilities.kind
    without = target.left_out(shape, mapping.target) if alike else []
    refused: list[RefusedRecord] = []
    changed: tuple[str, ...] = ()
    if sample is not None and not mapping_refuses(mapping):
        refused = _refused(sample, shape, mapping, target)
        some, abilities = sample.slice(0, _RETURNED), (source.capabilities, target.capabilities)
        changed = unrestored(some, shape, mapping, *abilities)
    return Preflight(
        shape,
        total,
        existing,
        held,
        mapping,
        _record_bytes(shape, sample),
        len(sample) / took if sample is not None and took > 0 else None,
        len(sample) if sample is not None else 0,
        tuple(refused),
        proposal.inferred,
        _payload_bytes(sample),
        _write_records(target.capabilities, _record_bytes(shape, sample)),
        proposal.layouts,
        (*proposal.notes, *without),
        changed,
        aliases,
        () if spec.mode is Mode.OFFLINE else tuple((await source.info()).cautions),
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A source as it is, and how a new collection of some kind of store would hold it."""

    source: CollectionShape
    mapping: MappingPlan
    inferred: tuple[SeenField, ...]
    layouts: Layouts
    notes: tuple[str, ...]


async def propose(spec: Specification, source: Store, target: Capabilities) -> Proposal:
    """Look at one side alone. Raises as `examine` does, but for losses, which are in the plan."""
    shape = await source.describe(spec.source.collection)
    _check_names(spec, shape)
    return _proposed(spec, source, shape, await _sample(spec, source), target, None)


def _proposed(
    spec: Specification,
    source: Store,
    shape: CollectionShape,
    sample: Batch | None,
    target: Capabilities,
    existing: CollectionShape | None,
) -> Proposal:
    """What follows from the source's shape and a sample of it."""
    shape = _with_dimensions(shape, sample)
    inferred = infer(sample.payload) if sample is not None else ()
    layout = layouts(spec, shape, existing, inferred, 0 if sample is None else len(sample))
    with _placed(spec):
        beneath = hidden.check(spec.mapping, () if sample is None else sample.payload or ())
        mapping = make_plan(
            shape,
            target,
            spec.target.collection,
            existing,
            _mapping_options(spec, source),
            layout.plan,
            frozenset(seen.name for seen in inferred),
        )
    notes = _vector_notes(shape, forgotten=source.capabilities.normalises_cosine and spec.back is None)
    notes += left_behind(shape, mapping, target, existing)
    notes += _zero_notes(sample, mapping) if sample is not None and target.zero_vector_under_cosine else []
    # What a like target is made with makes its own.
    if target.kind != spec.source.kind or existing is not None:
        computed = shape.native.get(spec.source.kind, {}).get(COMPUTED, {})
        notes += [
            f"vector {one!r} is made of {text!r} by the source, and not moved"
            for one, text in computed.items()
        ]
    return Proposal(shape, mapping, inferred, layout, (*notes, *layout.notes, *beneath))


def _zero_notes(sample: Batch, mapping: MappingPlan) -> list[str]:
    """What is stored exactly and yet is like nothing."""
    told, angular = [], {one.name for one in mapping.target.vectors if one.metric is Metric.COSINE}
    for plan in mapping.vectors:
        column = sample.vectors.get(plan.source)
        if plan.target in angular and isinstance(column, DenseColumn):
            zero = ~column.values.any(axis=1) & (True if column.present is None else column.present)
            if zero.any():
                told.append(
                    f"{zero.sum():,} of {len(sample):,} sampled vectors {plan.source!r} hold only zeros: they are copied, but no"
                    " search by cosine has to find their records"
                )
    return told


def _mapping_options(spec: Specification, source: Store) -> MappingOptions:
    """What was said about the mapping. Lengths of vectors need no note where the source has forgotten them already, and on a
    way back, which writes what had left and nothing else.
    """
    options = spec.mapping
    if options.lengths is None and (source.capabilities.normalises_cosine or spec.back is not None):
        return replace(options, lengths=False)
    return options


def _refused(
    sample: Batch, source: CollectionShape, mapping: MappingPlan, target: Store
) -> list[RefusedRecord]:
    """What of a sample the mapping refuses, or the target."""
    translation = Translator(mapping, target.capabilities, target.endpoint.redact_key)(sample)
    found = [RefusedRecord(id_text(sample.ids[row])[:200], error) for row, error in translation.refused]
    batch, ids = translation.batch, translation.batch.ids
    # Of partitions only the names are judged: the target may get them yet.
    partitions = tuple({one for one in batch.partition or () if one is not None})
    texts = tuple(replace(one, nullable=True) for one in mapping.target.fields if one.type is FieldType.TEXT)
    shape = replace(mapping.target, fields=texts, dynamic=True, partitions=partitions)
    written = keyed(target, mapping, source.id)
    if isinstance(written, SurrogateStore):
        batch = batch.with_ids(list(map(written.inside, ids)))
    admission = Admission(shape, target.capabilities)
    refusals = {one.row: one for one in admission.refusals(batch)}
    for row, fault in target.misfits(batch).items():
        refusals.setdefault(row, admission.refusal(row, batch.ids[row], fault))
    found += [RefusedRecord(id_text(ids[row])[:200], one.error) for row, one in sorted(refusals.items())]
    return found


def mapping_refuses(mapping: MappingPlan) -> bool:
    """Whether the plan would lose something that nobody accepted."""
    try:
        mapping.check()
    except MappingRefused:
        return True
    return False


def check_startable(spec: Specification, preflight: Preflight) -> None:
    """Raise what keeps this migration from starting: MappingRefused, TargetNotEmpty."""
    with _placed(spec):
        preflight.mapping.check()
        if preflight.all_refused:
            raise _all_refused(preflight)
    check_target_empty(spec, preflight)


def _all_refused(preflight: Preflight) -> MappingRefused:
    first = preflight.refused[0].error
    count = "the" if preflight.sampled == 1 else f"each of the {preflight.sampled:,}"
    return MappingRefused(
        f"{count} sampled record{'' if preflight.sampled == 1 else 's'} would be refused: {first.message}",
        hint="nothing was written; change the mapping (--rename, --drop, --spread) or the target",
        ids=tuple(one.id for one in preflight.refused[:6]),
    )


@contextmanager
def _placed(spec: Specification) -> Iterator[None]:
    """The plan knows shapes and not where they come from: an error gets the name of the target."""
    try:
        yield
    except VectormigrateError as error:
        error.store = error.store or spec.target.kind
        error.collection = error.collection or spec.target.collection
        raise


def check_target_empty(spec: Specification, preflight: Preflight) -> None:
    """Raise TargetNotEmpty unless the target is empty or a policy for its records was given."""
    if preflight.target_count and spec.existing is Existing.FAIL:
        raise TargetNotEmpty(
            f"the target collection already holds {preflight.target_count:,} record{'s' if preflight.target_count > 1 else ''}",
            store=spec.target.kind,
            collection=spec.target.collection,
            hint="choose another collection, or say --existing skip (keep theirs) or --existing overwrite"
            " (replace theirs; a rollback puts them back)",
        )


async def document(spec: Specification, preflight: Preflight, source: Store, *, workers: int) -> PlanDocument:
    """The plan as people and programs read it."""
    ranges = await plan_ranges(source, spec.source.collection, total=preflight.total, workers=workers)
    mapping = preflight.mapping
    seconds = None
    if preflight.read_rate:
        seconds = preflight.total / preflight.read_rate * _WRITE_SLOWER / max(1, workers)
    pages = math.ceil(preflight.total / source.capabilities.scan_page)
    requests = pages + math.ceil(preflight.total / min(spec.batch_size, preflight.write_records))
    return PlanDocument(
        migration_id=spec.id,
        source=f"{spec.source.kind}:{spec.source.collection}",
        target=f"{spec.target.kind}:{spec.target.collection}",
        source_count=preflight.total,
        target_exists=preflight.existing is not None,
        target_count=preflight.target_count,
        foreign=preflight.target_count,
        id_rule=mapping.id_rule,
        vectors=fates(mapping, VectorPlan),
        fields=fates(mapping, FieldPlan),
        losses=tuple(mapping.losses()),
        refused=(
            *(f"{source}: {loss.reason}" for source, loss in mapping.lost() if not loss.accepted),
            *((_all_refused(preflight).message,) if preflight.all_refused else ()),
        ),
        ranges=len(ranges),
        workers=workers,
        batches=math.ceil(preflight.total / spec.batch_size),
        bytes=preflight.total * preflight.record_bytes,
        seconds=seconds,
        requests=requests,
        target_bytes=preflight.total * _target_bytes(preflight),
        layout=preflight.layouts.told(),
        inferred=tuple(seen.told() for seen in preflight.inferred),
        named_losses=tuple(loss for _, loss in mapping.lost()),
        no_way_back=tuple(obstacles(mapping, preflight.source)),
        unrestored=preflight.unrestored,
        notes=(
            *preflight.notes,
            *_refusal_notes(preflight),
            *_idle_notes(spec, mapping),
            *(placing.notes(spec.target.placement) if spec.target.placement else ()),
            *(f"alias {one!r} will stand for the target, too" for one in mapping.aliases),
            *preflight.aliases.notes,
            *preflight.cautions,
        ),
    )


def _vector_notes(shape: CollectionShape, *, forgotten: bool) -> list[str]:
    """What the source itself has not, of vectors; `forgotten` are the lengths of those under cosine."""
    vectors = shape.vectors
    if not vectors:
        return [
            "the source has no vectors, as far as can be seen: where they are can be said with --source-option"
        ]
    if forgotten and any(one.metric is Metric.COSINE and one.element is not Element.UINT8 for one in vectors):
        return [
            "the source keeps vectors under cosine at length one: what their lengths were before, nobody knows"
        ]
    return []


def _idle_notes(spec: Specification, mapping: MappingPlan) -> list[str]:
    """What was accepted and does not happen: a name was perhaps meant otherwise. Of parts some may lose what others do not."""
    names = {loss.name for _, loss in mapping.lost()}
    idle = [
        name for name in spec.mapping.accept if name not in names and not name.startswith(hidden.ACCEPTED)
    ]
    return (
        []
        if whole_of(spec.id)
        else [f"nothing is lost by the name {name!r}, which was accepted" for name in idle]
    )


def _refusal_notes(preflight: Preflight) -> list[str]:
    """What of the sample would end in the dead letters, in a few lines."""
    refused = preflight.refused
    if not refused or preflight.all_refused:
        return []
    told = f"{len(refused):,} of {preflight.sampled:,} sampled records would end in the dead letters"
    return [told, *(f"would be refused: {of_record(one.id, one.error.message)}" for one in refused[:5])]


async def _refuse_same(spec: Specification, source: Store, target: Store) -> None:
    if spec.source.kind != spec.target.kind:
        return
    here = await source.locate(spec.source.collection)
    if here in [await target.locate(one) for one in spec.target.collections]:
        raise UsageError(
            "source and target are the same collection",
            store=spec.source.kind,
            collection=spec.source.collection,
            hint="nothing to do: name another --target-index or --target-url",
        )


def _check_names(spec: Specification, shape: CollectionShape) -> None:
    known = {field.name for field in shape.fields} | {vector.name for vector in shape.vectors}
    asked = set(spec.mapping.spread)
    if not shape.dynamic:  # undeclared keys cannot be known
        asked |= {
            *(spec.mapping.rename or {}),
            *spec.mapping.drop,
            *(edit.field for edit in spec.mapping.edits),
        }
    unknown = sorted(asked - known - {UNDECLARED, PARTITION})
    if unknown:
        raise UsageError(
            f"the source has no field or vector named {unknown[0]!r}",
            store=spec.source.kind,
            collection=spec.source.collection,
            hint=f"it has: {', '.join(sorted(known))}",
        )


def _check_key(spec: Specification, target: Store) -> None:
    hashed = [edit.field for edit in spec.mapping.edits if edit.redact is Redaction.HASH]
    if hashed and not target.endpoint.redact_key:
        raise UsageError(
            f"field {hashed[0]!r} is to be hashed, and there is no key to do it with",
            hint="say where the key is: --redact-key env:NAME, file:PATH or command:LINE",
        )


async def _sample(spec: Specification, source: Store) -> Batch | None:
    """The first records: enough to infer a schema from where nothing declares one, and to foresee what will not fit."""
    wanted = SAMPLE
    batches: list[Batch] = []
    scan = source.scan(spec.source.collection, EVERYWHERE, limit=min(wanted, source.capabilities.scan_page))
    async with aclosing(scan) as pages:
        async for page in pages:
            batches.append(page.batch)
            wanted -= len(page.batch)
            if wanted <= 0 or sum(batch.nbytes for batch in batches) >= _SAMPLE_BYTES:
                break
    return joined(batches) if batches else None


def _write_records(target: Capabilities, record_bytes: int) -> int:
    by_bytes = target.write_batch if target.write_bytes is None else target.write_bytes // record_bytes
    return max(1, min(target.write_batch, by_bytes))


def _target_bytes(preflight: Preflight) -> int:
    """Of one record on the target, without what its indexes take."""
    shape, mapping = preflight.source, preflight.mapping
    vectors = [
        (shape.vector(plan.source).row_width or 0) * np.dtype(plan.element.dtype).itemsize
        for plan in mapping.vectors
        if plan.kept and shape.vector(plan.source).kind is not VectorKind.SPARSE
    ]
    return sum(vectors) + preflight.payload_bytes


def _payload_bytes(sample: Batch | None) -> int:
    """Of a part of the sample, which is enough for a forecast."""
    if sample is None or not sample.payload:
        return 0
    some = sample.payload[:_FEW]
    return sum(len(jsonvalue.dumps(payload)) for payload in some) // len(some)


def _with_dimensions(shape: CollectionShape, sample: Batch | None) -> CollectionShape:
    """Fill in dimensions that nothing declares from the records themselves."""
    if sample is None:
        return shape
    vectors = []
    for vector in shape.vectors:
        column = sample.vectors.get(vector.name)
        if vector.dim is None and vector.kind is not VectorKind.SPARSE and column is not None:
            vectors.append(replace(vector, dim=int(column.values.shape[1])))
        else:
            vectors.append(vector)
    return replace(shape, vectors=tuple(vectors))


def _record_bytes(shape: CollectionShape, sample: Batch | None) -> int:
    if sample is not None and len(sample):
        return max(1, sample.nbytes // len(sample))
    return 200 + sum(
        4 * (vector.dim or 0) for vector in shape.vectors if vector.kind is not VectorKind.SPARSE
    )
