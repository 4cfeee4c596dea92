"""The pages `docs/pairs/`: one a source with a section a target, and an index, out of the rules that migrations go by.

Ids, vectors, fields and values are the planner's own answers (`model.identity`, `fidelity_page.judged`), limits the stores'
`Capabilities`, what is refused after a cutover the facades' tables, layouts those of `model.profiles`. Written here are only
the words between them, and how each vendor's client is told where to go. Dials nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vectormigrate.model import identity
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import IdField, IdKind
from vectormigrate.model.errors import MappingRefused
from vectormigrate.model.fidelity import Verdict
from vectormigrate.model.identity import IdRule
from vectormigrate.model.plan import Fate
from vectormigrate.model.profiles import FRAMEWORKS, PROFILES, RAW, Profile
from vectormigrate.stores import registry
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.facade import Decision, Reached
from vectormigrate.stores.front import Standing

from .fidelity_page import judged
from .products import PRODUCTS
from .tasks import SystemClock

_KINDS = {
    IdKind.INT: "integers",
    IdKind.TEXT: "text",
    IdKind.UUID: "UUIDs",
    IdKind.MIXED: "integers and UUIDs",
    IdKind.COMPOUND: "several columns",
}
_PARTED = {"pinecone": "namespace and id", "weaviate": "tenant and UUID"}
"""Where a collection with places of its own has a compound key that is not among the kinds of ids."""
_METRICS = frozenset({"manhattan"})
"""Kinds of vectors that are told as metrics."""
_PLACED = {"pinecone": "keys=namespaced", "weaviate": "keys=tenants"}
"""Options by which a new collection has places of its own."""
_RULES = {
    IdRule.SAME: "as they are",
    IdRule.UUID_TEXT: "their text, lower case with hyphens",
    IdRule.INT_TEXT: "their decimal text",
    IdRule.COMPOUND_TEXT: 'one text of all parts, such as `c:["s:a","i:1"]`',
    IdRule.MIXED_TEXT: "text: decimal digits, or the UUID in lower case",
    IdRule.TEXT_MIXED: "what they spell exactly, an integer or a UUID",
    IdRule.INT_MIXED: "as they are, those below zero as UUIDs that [stand for them](../mapping.md#ids)",
    IdRule.INT_UUID: "UUIDs that [stand for them](../mapping.md#ids)",
    IdRule.MIXED_UUID: "UUIDs as they are, integers as UUIDs that [stand for them](../mapping.md#ids)",
    IdRule.SURROGATE: "as they are where they spell what the key holds, else a UUID made of the id, which itself stands under"
    " `_vm_id` beside the record",
}
_INDEX = """\
# A page for each move

What becomes of ids, vectors and fields, which limits there are, how to start, and what changes in the application, for
every pair of stores. Made by `make reference` from the rules that migrations themselves go by; `vectormigrate plan` says
the same of the collection that you have. The cells say what becomes of ids.

The reference store (`memory`) has no page: it is as old as the process that asks, so no command could move anything out of it or
find again what one put there. What it holds is [a column of the table of values](../fidelity.md), and [the matrix](../matrix.md) moves
every kind of value in and out of it. `parquet` is [a snapshot](../snapshots.md).
"""


@dataclass(frozen=True, slots=True)
class Sides:
    """What is known of every store."""

    capabilities: Mapping[str, Capabilities]
    verdicts: Mapping[str, Sequence[Verdict]]
    refused: Mapping[str, Mapping[str, int]]
    """By the dialect: why a number of endpoints is refused after a cutover."""


async def made() -> dict[str, str]:
    """Every page, by the name of its file."""
    return pages(await sides())


async def sides() -> Sides:
    """Ask everybody."""
    known = {kind: await registry.capabilities(kind) for kind in PRODUCTS}
    front = Standing(registry.open_store(Endpoint("memory")))
    refused: dict[str, dict[str, int]] = {}
    for dialect in PRODUCTS.keys() & set(registry.DIALECTS):
        counted = refused.setdefault(dialect, {})
        facade = registry.build_facade(dialect, front, SystemClock(), Reached("http://localhost"))
        for one in facade.endpoints:
            if one.decision in (Decision.FORWARD, Decision.REFUSE):
                counted[one.why] = counted.get(one.why, 0) + 1
    return Sides(known, {kind: judged(each) for kind, each in known.items()}, refused)


def pages(found: Sides) -> dict[str, str]:
    """Text by file name."""
    return {"index.md": _index(found), **{f"from-{source}.md": _page(source, found) for source in PRODUCTS}}


def _index(found: Sides) -> str:
    head = f"| from \\ to | {' | '.join(one.name for one in PRODUCTS.values())} |"
    lines = [_INDEX, head, "|---" * (len(PRODUCTS) + 1) + "|"]
    for source, product in PRODUCTS.items():
        cells = [
            f"[{_summary(source, target, found)}](from-{source}.md#to-{_anchor(target)})"
            for target in PRODUCTS
        ]
        lines.append(f"| [{product.name}](from-{source}.md) | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _summary(source: str, target: str, found: Sides) -> str:
    rules = {rule for name, rule in _rules(source, target, found) if name != _PARTED.get(source)}
    if rules <= identity.STAYING:
        return "ids stay"
    if IdRule.SURROGATE in rules:
        return "ids get surrogates"
    return "ids become UUIDs" if rules & {IdRule.INT_UUID, IdRule.MIXED_UUID} else "ids become text"


def _anchor(target: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", PRODUCTS[target].name.lower())


def _page(source: str, found: Sides) -> str:
    product = PRODUCTS[source]
    parts = [f"# From {product.name}", *_starting(source, found)]
    for target in PRODUCTS:
        parts += [f"## To {PRODUCTS[target].name}", *_section(source, target, found)]
    return "\n\n".join(parts) + "\n"


def _starting(source: str, found: Sides) -> Iterable[str]:
    product = PRODUCTS[source]
    collection = product.collection
    if source in found.refused:
        yield (
            f"**While the collection is in use**, the daemon stands in front and speaks {product.name}'s API: the application changes a"
            f" host name and nothing else. [Moving a collection that is in use](../live.md) goes through every step;"
            f" [the API that is served](../facades-{source}.md) says what is passed on, noted and answered."
        )
        upstream = product.url or f"https://{product.host}"
        port = re.search(r":(\d+)$", product.url)
        listen = f"0.0.0.0:{port[1] if port else '5080'}"
        flags = " ".join(
            filter(None, (f"--dialect {source} --listen {listen} --upstream {upstream}", product.upstream))
        )
        yield f"```\nvectormigrate serve {flags}\n```"
        yield f"In the application: `{product.client.format(host='vectormigrate.internal')}`"
        yield "**After the cutover**, for as long as the application speaks to the daemon, these of the API are refused:"
        reasons = sorted(found.refused[source].items(), key=lambda one: (-one[1], one[0]))
        yield "\n".join(f"- {count} endpoint{'s' * (count > 1)}: {why}" for why, count in reasons)
    else:
        yield (
            f"**While the collection is in use**, {product.name} itself notes which records change: nothing in the application changes"
            " and no proxy is needed ([capture](../capture.md)). When both sides are equal, point the application at the target."
        )
        yield (f"```\nvectormigrate capture install {collection} {_flags('source', source)}\n```")
    yield (
        "**A collection that stands still** is copied by the commands below as they are. For one in use add"
        f" `--mode {'proxied' if source in found.refused else 'captured'}`, with `vectormigrate serve` running."
    )


def _flags(side: str, kind: str) -> str:
    product = PRODUCTS[kind]
    words = [f"--{side}-type {kind}"]
    words += [f"--{side}-url {product.url}"] if product.url else []
    words += [f"--{side}{product.more}"] if product.more else []
    return " ".join([*words, f"--{side}-index {product.collection}"])


def _section(source: str, target: str, found: Sides) -> Iterable[str]:
    there = _flags("target", target)
    if source == target:
        collection = PRODUCTS[target].collection
        there = there.replace(collection, f"{collection}2")
    yield f"```\nvectormigrate plan docs {_flags('source', source)} \\\n    {there}\n```"
    yield "The same flags with `migrate` do it."
    placed = found.capabilities[source].partitions and source not in _PARTED
    rows = {
        "ids": _ids(source, target, found),
        "vectors": _fates("vector", source, target, found),
        "metrics": _metrics(source, target, found),
        "declared fields": _fields(source, target, found),
        "other keys": _fates("value", source, target, found),
        "partitions": _fates("place", source, target, found) if placed else [],
        "limits": _limits(found.capabilities[target]),
        "scores": _scores(source, target, found),
        "after the commit": _changes(source, target, found),
    }
    lines = [f"| {name} | {'<br>'.join(told)} |" for name, told in rows.items() if told]
    yield "\n".join(["| | |", "|---|---|", *lines])
    layouts = [row for name in FRAMEWORKS if name != RAW and (row := _layout(name, source, target))]
    if layouts:
        yield "\n".join(["| framework | text and metadata lie there | and here |", "|---|---|---|", *layouts])


def _changes(source: str, target: str, found: Sides) -> list[str]:
    old, new = PRODUCTS[source], PRODUCTS[target]
    if source == target:
        return ["only the address"]
    told = [
        f"`{old.client.format(host=old.host)}` becomes `{new.client.format(host=new.host)}`",
        "the application's own queries are written anew; a framework's class is another one, see below",
    ]
    if source in found.refused:
        told.append("neither is needed for as long as the application goes on speaking to the daemon")
    return told


def _rules(source: str, target: str, found: Sides) -> list[tuple[str, IdRule | None]]:
    """What becomes of each kind of id; None where it is refused."""
    told: list[tuple[str, IdRule | None]] = []
    kinds = [(kind, _KINDS[kind]) for kind in IdKind if kind in found.capabilities[source].id_kinds]
    if source in _PARTED:
        kinds.append((IdKind.COMPOUND, _PARTED[source]))
    for kind, name in kinds:
        parts = (IdField("a", IdKind.TEXT), IdField("b", IdKind.TEXT)) if kind is IdKind.COMPOUND else ()
        key = IdField("id", kind, parts=parts)
        try:
            told.append((name, identity.choose_rule(key, None, found.capabilities[target])))
        except MappingRefused:
            told.append((name, None))
    return told


def _ids(source: str, target: str, found: Sides) -> list[str]:
    limits = found.capabilities[target]
    grouped: dict[IdRule | None, list[str]] = {}
    for name, rule in _rules(source, target, found):
        grouped.setdefault(rule, []).append(name)
    told = [
        f"{', '.join(names)}: {'refused' if rule is None else _RULES[rule]}"
        for rule, names in grouped.items()
    ]
    own = found.capabilities[source]
    if target in _PLACED and (source in _PARTED or IdKind.COMPOUND in own.id_kinds):
        told.append(f"with `--target-option {_PLACED[target]}` keys of two parts stay that")
    if IdKind.TEXT in own.id_kinds:
        told += _text_limits(own, limits)
    return told


def _text_limits(source: Capabilities, target: Capabilities) -> list[str]:
    told = []
    if target.max_id_bytes and target.max_id_bytes < (source.max_id_bytes or 10**9):
        told.append(f"text of more than {target.max_id_bytes:,} bytes: refused, record by record")
    if target.ascii_ids and not source.ascii_ids:
        told.append("text that is empty or not ASCII: refused, record by record")
    if told:
        told.append("[`surrogates = true`](../mapping.md#ids) of a mapping file keeps such ids under others")
    return told


def _held(group: str, source: str, target: str, found: Sides) -> list[Verdict]:
    """What becomes of the kinds of a group that the source holds as they are."""
    there = found.verdicts[source]
    pairs = zip(there, found.verdicts[target], strict=True)
    return [
        after
        for before, after in pairs
        if before.group == group and before.fate is Fate.EXACT and before.kind not in _METRICS
    ]


def _fates(group: str, source: str, target: str, found: Sides) -> list[str]:
    held = _held(group, source, target, found)
    grouped: dict[tuple[Fate, str], list[str]] = {}
    for one in held:
        if one.fate is not Fate.EXACT:
            grouped.setdefault((one.fate, _inner(one.reason)), []).append(one.kind)
    if not held:
        return []
    told = [f"{', '.join(kinds)}: {fate} ({reason})" for (fate, reason), kinds in grouped.items()]
    whole = sum(map(len, grouped.values())) == len(held)
    return told if whole else [*told, f"all {'else ' if told else ''}that the source has: exact"]


def _inner(reason: str) -> str:
    """Without the name that is only the table's."""
    inside = re.fullmatch(r"the target cannot hold '[^']*' \((.*)\)", reason)
    return inside[1] if inside else re.sub(r"vector '\w+'", "it", reason.rpartition(": ")[2])


def _fields(source: str, target: str, found: Sides) -> list[str]:
    if not found.capabilities[source].field_types:
        return []
    told = _fates("field", source, target, found)
    undeclared = not found.capabilities[target].field_types
    return [*told, "nothing is declared there: fields become keys"] if undeclared else told


def _metrics(source: str, target: str, found: Sides) -> list[str]:
    old, new = found.capabilities[source], found.capabilities[target]
    lacking = sorted(old.metrics - new.metrics)
    told = [f"{', '.join(lacking)}: refused"] if lacking else ["every metric of the source is there"]
    if new.normalises_cosine and not old.normalises_cosine:
        told.append(
            "cosine: vectors are stored with length one, and [their lengths beside them](../mapping.md#lengths)"
        )
    if old.normalises_cosine:
        told.append("cosine: the lengths that vectors once had are lost before, the source keeps them at one")
    if source not in found.refused:
        told.append("a table need not say which it has: `--metric` says it")
    return told


def _limits(target: Capabilities) -> list[str]:
    told = [
        (target.max_dim, "dimensions"),
        (target.max_vectors, "vectors a collection"),
        (target.max_dense, "dense vector a collection"),
        (target.max_payload_bytes, "bytes of payload a record"),
        (target.max_text_bytes, "bytes of a declared text"),
        (target.write_batch, "records a request"),
        (target.write_bytes, "bytes a request"),
    ]
    return [
        ", ".join(f"{limit:,} {of}" for limit, of in told if limit is not None),
        "requests are cut to fit",
    ]


def _scores(source: str, target: str, found: Sides) -> list[str]:
    if source == target:
        return ["the same"]
    told = [f"{PRODUCTS[one].name}: {PRODUCTS[one].scores}" for one in (source, target)]
    through = ["through the daemon they stay those of the source"] if source in found.refused else []
    return [*told, *through]


def _layout(framework: str, source: str, target: str) -> str:
    old, new = PROFILES.get(f"{framework}:{source}"), PROFILES.get(f"{framework}:{target}")
    return f"| {framework} | {_place(old)} | {_place(new)} |" if old and new else ""


def _place(profile: Profile) -> str:
    text = f"text in `{profile.text}`" if profile.text else ""
    text = "text inside `_node_content`" if profile.in_node else text
    metadata = f"metadata under `{profile.nested}`" if profile.nested else "metadata flat"
    key = f"key `{profile.key}`" if profile.key else ""
    key += f" (`{profile.other_key}` where ids are no integers)" if profile.other_key else ""
    return ", ".join(filter(None, (text, metadata, key)))
