"""The part of the catalogue of settings that makes one migration of several collections, partitions or values. Light, as
`settings.py`.
"""

from __future__ import annotations

from .setting import Kind, Setting

PARTS = (
    Setting(
        name="each-collection",
        section="migrate",
        kind=Kind.NAMES,
        default=(),
        metavar="PATTERN",
        help="Move each collection, index, class or table of the source that is called so, as a part of one migration; * stands"
        " for anything; repeatable. In place of --source-index; --target-index is {name} unless it says more.",
    ),
    Setting(
        name="each-partition",
        section="migrate",
        kind=Kind.NAMES,
        default=(),
        metavar="PATTERN",
        help="Move each namespace, tenant or partition of --source-index that is called so, as a part of one migration; *"
        " stands for anything; repeatable.",
    ),
    Setting(
        name="each-value",
        section="migrate",
        metavar="FIELD",
        help="Move the records of each value of this payload field as a part of one migration.",
        unset="not divided by values",
    ),
    Setting(
        name="into",
        section="migrate",
        kind=Kind.PAIRS,
        default={},
        metavar="PART=NAME",
        help="Where that part goes; repeatable. The others go where --target-index says, with their name for {name} in it.",
    ),
    Setting(
        name="rest",
        section="migrate",
        metavar="NAME",
        help="With --each-value: where the records go that have no value which makes a part.",
        unset="refused, if there are any",
    ),
)
