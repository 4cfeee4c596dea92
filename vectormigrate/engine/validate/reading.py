"""What the application would read: a record of each side, as the framework of that side understands it.

Beside the comparison of payloads, which holds both sides to one translation, this asks each side by itself: it is what
finds a text that arrived where nobody looks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vectormigrate.model import identity
from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import RecordRefused
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.layout import NODE, Document, LayoutPlan, read
from vectormigrate.model.lengths import LENGTHS
from vectormigrate.model.mapping import Translator
from vectormigrate.model.plan import PLACE, SPARSE
from vectormigrate.model.profiles import PROFILES
from vectormigrate.model.record import Payload, id_text

_NOTES = (LENGTHS, SPARSE, PLACE)
"""Keys of ours that the target has among the metadata."""


class Reading:
    """Reads with two layouts and compares text and metadata."""

    def __init__(self, layout: LayoutPlan, rule: identity.IdRule, translator: Translator) -> None:
        self._source = PROFILES[layout.source]
        self._target = PROFILES[layout.target]
        self._rule = rule
        self._translator = translator

    def differences(self, source: Batch, target: Batch) -> Iterator[Finding]:
        """Findings for records of both sides, each in its own terms, that the application would read otherwise."""
        held = dict(zip(target.ids, target.payload, strict=True))
        for row, source_id in enumerate(source.ids):
            payload = held.get(identity.to_target(self._rule, source_id))
            if payload is None:
                continue
            try:
                before = read(self._source, self._translator.edited(source.payload[row]), source_id)
                after = read(self._target, payload, source_id)
            except RecordRefused:
                continue  # told already: it could not be translated, or is another record
            detail = _difference(self._expected(before), after)
            if detail:
                yield Finding(FindingKind.PAYLOAD, id_text(source_id), detail)

    def _expected(self, document: Document) -> Document:
        """Without what the plan leaves behind, and under the names that it gives."""
        arrives = self._translator.called(self._target.text or NODE) is not None
        text = document.text if arrives else None
        metadata: Payload = {}
        for key, value in (document.metadata or {}).items():
            top = self._target.within((key,))[0]
            called = self._translator.called(top)
            if called is not None:
                metadata[called if top == key else key] = value
        return replace(document, text=text, metadata=metadata)


def _difference(before: Document, after: Document) -> str:
    if (before.text or "") != (after.text or ""):
        return f"the application would read a text of {len(after.text or '')} letters, not of {len(before.text or '')}"
    ours, theirs = before.metadata or {}, after.metadata or {}
    for key in (*ours, *(key for key in theirs if key not in ours and key not in _NOTES)):
        if ours.get(key) != theirs.get(key):
            return f"the application would read other metadata under {key!r}"
    return ""
