"""What looks ahead, written to files: a plan as it is told (`--output`), or as a mapping file to edit (`--write-mapping`)."""

from __future__ import annotations

from vectormigrate.daemon import mapping_file
from vectormigrate.model.division import Division
from vectormigrate.model.documents import SchemaDocument
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.onward import onward
from vectormigrate.model.status import PlanDocument

from . import output
from .call import Call


def keep(
    call: Call, document: PlanDocument | SchemaDocument, options: MappingOptions, division: Division
) -> None:
    """Write the files that were asked for; `options` and `division` are what was said of the mapping."""
    if path := _asked(call, "output"):
        output.write(path, output.as_json(output.versioned(onward(document))) + "\n")
        refused = isinstance(document, PlanDocument) and document.refused
        onwards = "as it stands it would not start" if refused else "begin exactly this with"
        call.remark(f"written to {path}: {onwards}" + ("" if refused else f": vectormigrate apply {path}"))
    if path := _asked(call, "write-mapping"):
        mapping_file.write(path, document, options, division)
        call.remark(f"written to {path}: edit it, and give it back with --mapping {path}")


def _asked(call: Call, name: str) -> str:
    return str(call.value(name) or "") if name in call.merged else ""
