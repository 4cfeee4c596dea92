"""The catalogue of settings: every value a user can give, with its type, default, unit, limits and help.

Commands pick from this catalogue (`api.commands`). Nothing heavy is imported, because `--help` waits for it: the
words of a choice are repeated here as text, and a test holds them to the enums of the model and to the registry.
"""

from __future__ import annotations

from .api_settings import AFTER, API, AUDIT, CLIENT_CERT, CLIENT_KEY, KEYS, URL, VEC
from .live_settings import BY, FOLLOW, LIVE, MODE, NO_WAY_BACK, REASON, RETRY, SHARE
from .part_settings import PARTS
from .serving_settings import EMULATE, SERVE
from .setting import Kind, Setting
from .throttle_settings import CRITICAL, PACE, THROTTLE
from .validate_settings import VALIDATE

STORE_KINDS = ("memory", "milvus", "parquet", "pgvector", "pinecone", "qdrant", "sqlite", "weaviate")
LAYOUTS = ("langchain", "llamaindex", "haystack", "mem0", "raw")
METRICS = ("cosine", "dot", "euclid", "manhattan", "hamming", "jaccard")

GLOBAL = (
    Setting(
        name="state",
        metavar="FILE",
        help="The state file.",
        unset="in the user's state directory (XDG_STATE_HOME)",
    ),
    Setting(
        name="config",
        metavar="FILE",
        help="The configuration file.",
        unset="vectormigrate.toml of this directory, when there is one",
    ),
    Setting(
        name="profile",
        metavar="NAME",
        help="The profile of the configuration file that lies over the rest of it, [profiles.NAME].",
        unset="what the file names at its top, if it does",
    ),
    Setting(
        name="json",
        kind=Kind.FLAG,
        default=False,
        help="Print one JSON document, errors too; its `format_version` says the form.",
    ),
    Setting(
        name="quiet",
        letter="q",
        kind=Kind.FLAG,
        default=False,
        help="No progress and no remarks; results and errors only.",
    ),
    Setting(
        name="verbose",
        letter="v",
        kind=Kind.FLAG,
        default=False,
        help="Say more: retries, phases, where values came from.",
    ),
    Setting(name="no-color", kind=Kind.FLAG, default=False, help="No colours; NO_COLOR does the same."),
)


def _side(side: str) -> tuple[Setting, ...]:
    def setting(name: str, **words: object) -> Setting:
        return Setting(name=f"{side}-{name}", section="migrate", **words)  # type: ignore[arg-type] # forwarded

    return (
        Setting(
            name=side,
            section="migrate",
            metavar="NAME",
            help=f"A store of the configuration file, [stores.NAME], as the {side}.",
            unset="described by the flags below",
        ),
        setting("type", choices=STORE_KINDS, help=f"Kind of the {side} store.", unset="required"),
        setting(
            "url",
            metavar="URL",
            reference=True,
            help=f"Where the {side} is: a DSN for pgvector, a path for sqlite, a folder for parquet, an address for qdrant, weaviate or milvus (or a path), nothing for pinecone.",
            unset="required but for memory and pinecone",
        ),
        setting(
            "api-key",
            metavar="KEY",
            secret=True,
            reference=True,
            default="",
            help=f"How to get into the {side}: env:NAME, file:PATH or command:LINE; a key itself is never stored.",
        ),
        setting(
            "index",
            metavar="NAME",
            help=f"Index, collection, class or table of the {side}.",
            unset="required",
        ),
        setting(
            "option",
            metavar="KEY=VALUE",
            kind=Kind.PAIRS,
            default={},
            help=f"A setting of the {side} store's adapter; repeatable. All understand timeout (seconds).",
        ),
    )


SIDES = (*_side("source"), *_side("target"))

MIGRATE = (
    Setting(
        name="batch-size",
        section="migrate",
        kind=Kind.INT,
        default=100,
        least=1,
        most=10_000,
        unit="records",
        help="Most records of one write.",
    ),
    Setting(
        name="max-retries",
        section="migrate",
        kind=Kind.INT,
        default=3,
        least=0,
        most=100,
        unit="attempts",
        help="Attempts of a batch after the first, before it is split down to the bad record.",
    ),
    Setting(
        name="validate-every",
        section="migrate",
        kind=Kind.INT,
        default=10,
        least=0,
        most=1_000_000,
        unit="batches",
        help="Compare a sample of what was just copied after each so many batches; 0 for never.",
    ),
    Setting(
        name="existing",
        section="migrate",
        choices=("fail", "skip", "overwrite"),
        default="fail",
        help="What to do about records that the target already holds: refuse to start, keep theirs, or replace"
        " theirs and keep what was there for a rollback.",
    ),
    Setting(
        name="rename",
        section="migrate",
        kind=Kind.PAIRS,
        default={},
        metavar="A=B",
        help="Call the source's field or vector A by the name B on the target; repeatable.",
    ),
    Setting(
        name="drop",
        section="migrate",
        kind=Kind.NAMES,
        default=(),
        metavar="NAME",
        help="Accept that this field or vector is left behind; repeatable.",
    ),
    Setting(
        name="spread",
        section="migrate",
        kind=Kind.NAMES,
        default=(),
        metavar="NAME",
        help="Make the keys of this JSON field payload keys of their own; repeatable.",
    ),
    Setting(
        name="narrow",
        section="migrate",
        kind=Kind.NAMES,
        default=(),
        metavar="NAME",
        help="Accept that this vector is rounded into the narrower numbers of the target's vector; repeatable.",
    ),
    Setting(
        name="metric",
        section="migrate",
        choices=METRICS,
        help="The metric of vectors for which the source declares none.",
        unset="the target's own default",
    ),
    Setting(
        name="accept",
        section="migrate",
        kind=Kind.NAMES,
        default=(),
        metavar="LOSS",
        help="Accept a loss by the name that plan gives it; repeatable.",
    ),
    Setting(
        name="mapping",
        section="migrate",
        metavar="FILE",
        help="A mapping file, in a request its text: what is renamed, cast, left out, hidden; see docs/mapping.md. Flags beat it.",
        unset="none",
    ),
    *(
        Setting(
            name=f"{side}-layout",
            section="migrate",
            choices=LAYOUTS,
            help=f"Whose layout the {side}'s records have: of which framework, or raw.",
            unset=unset,
        )
        for side, unset in (("source", "detected"), ("target", "that of the source"))
    ),
    Setting(
        name="back-of",
        section="migrate",
        metavar="ID",
        help="Go the way back of that migration: its target is the source, and what arrives is what its source was.",
        unset="none",
    ),
    Setting(
        name="redact-key",
        section="migrate",
        metavar="KEY",
        secret=True,
        reference=True,
        help="Where the key is that redacted values are hashed with: env:NAME, file:PATH or command:LINE.",
        unset="none",
    ),
    Setting(
        name="workers",
        section="migrate",
        kind=Kind.INT,
        default=0,
        least=0,
        most=256,
        unit="processes",
        help="Worker processes; 0 is one a core.",
    ),
    *PACE,
    Setting(
        name="quarantine",
        section="migrate",
        kind=Kind.FLOAT,
        default=60.0,
        least=0,
        most=86_400,
        unit="seconds",
        help="After a crash, how long a write of the dead process could still land where the store cannot say.",
    ),
    *THROTTLE,
    CRITICAL,
    Setting(
        name="approval",
        section="migrate",
        kind=Kind.NAMES,
        default=(),
        metavar="STEP",
        help="This step waits until somebody says `approve`: migrate, cutover, revert, commit or rollback; repeatable.",
    ),
    MODE,
    *PARTS,
)

WRITE_MAPPING = Setting(
    name="write-mapping",
    local=True,
    section="plan",
    metavar="FILE",
    help="Write the plan as a mapping file, to be edited and given back with --mapping.",
    unset="not written",
)
PLAN_DIGEST = Setting(
    name="plan-digest",
    section="plan",
    metavar="DIGEST",
    help="Begin only if the plan still is the one of this digest, as `plan --json` told it.",
    unset="whatever the plan is now",
)
FIELD = Setting(
    name="field",
    section="schema",
    kind=Kind.PAIRS,
    default={},
    metavar="NAME=TYPE",
    help="A field or vector of a source that is not looked at, with its type in any store's words (varchar(200), halfvec(768));"
    " repeatable.",
    unset="id, title, url and content",
)
MAPPED = tuple(
    one
    for one in MIGRATE
    if one.name
    in ("rename", "drop", "spread", "narrow", "metric", "accept", "mapping", "source-layout", "target-layout")
)
"""Those that say how a collection is mapped."""
DRY_RUN = Setting(
    name="dry-run",
    section="migrate",
    kind=Kind.FLAG,
    default=False,
    help="Connect, read and report what would happen; write nothing.",
)
FORCE = Setting(
    name="force",
    local=True,
    section="rollback",
    kind=Kind.FLAG,
    default=False,
    help="Do not ask: this is meant. Same as --yes.",
)
YES = Setting(
    name="yes",
    local=True,
    section="rollback",
    kind=Kind.FLAG,
    default=False,
    help="Do not ask. Same as --force.",
)
PHASES = (
    "created",
    "preflight",
    "passthrough",
    "backfill",
    "catch_up",
    "verified",
    "cutting_over",
    "reversed",
    "committed",
    "paused",
    "failed",
    "rolling_back",
    "rolled_back",
    "aborted",
)
STATUS = Setting(
    name="status",
    section="list",
    choices=PHASES,
    metavar="PHASE",
    help="Only migrations in this phase.",
    unset="all",
)
LIMIT = Setting(
    name="limit",
    section="list",
    kind=Kind.INT,
    default=50,
    least=1,
    most=10_000,
    unit="rows",
    help="Show at most this many.",
)
OFFSET = Setting(
    name="offset",
    section="list",
    kind=Kind.INT,
    default=0,
    least=0,
    most=2**53,
    unit="rows",
    help="Leave out the first.",
)
CURSOR = Setting(
    name="cursor",
    section="list",
    metavar="TEXT",
    help="Go on behind the page that ended with this `next_cursor`; what came since shifts nothing.",
    unset="from the beginning",
)
HTML = Setting(
    name="html",
    local=True,
    section="report",
    metavar="FILE",
    help="Write one self-contained HTML file.",
    unset="not written",
)
SIGNED_BY = Setting(
    name="signed-by",
    local=True,
    section="report",
    metavar="FINGERPRINT",
    help="With `report verify`: whose signature it must be, as `report` said it.",
    unset="anybody's",
)
OUTPUT = Setting(
    name="output",
    letter="o",
    local=True,
    section="report",
    metavar="FILE",
    help="Write the JSON document to a file.",
    unset="standard output",
)

DIRECTORY = Setting(
    name="directory",
    local=True,
    section="demo",
    metavar="DIR",
    help="Write the reports here.",
    unset="this directory",
)
KEEP = Setting(
    name="keep",
    local=True,
    section="demo",
    kind=Kind.FLAG,
    default=False,
    help="Keep the stores that the demonstration made.",
)

WAY = Setting(
    name="way",
    section="capture",
    choices=("auto", "slot", "outbox"),
    help="How PostgreSQL tells of changes: from its log, or by triggers; auto takes the log where that is allowed.",
    unset="auto",
)
TAKEN = Setting(
    name="taken",
    section="capture",
    kind=Kind.FLAG,
    default=False,
    help="Remove it also where another state file takes its changes: that migration is over, or the file is lost. One that is"
    " under way is not cut over without it.",
)

SETTINGS: tuple[Setting, ...] = (
    *GLOBAL,
    *SIDES,
    *MIGRATE,
    WRITE_MAPPING,
    PLAN_DIGEST,
    FIELD,
    DRY_RUN,
    *VALIDATE,
    FORCE,
    YES,
    STATUS,
    LIMIT,
    OFFSET,
    CURSOR,
    HTML,
    OUTPUT,
    SIGNED_BY,
    DIRECTORY,
    KEEP,
    WAY,
    TAKEN,
    *SERVE,
    *EMULATE,
    *LIVE,
    URL,
    CLIENT_CERT,
    CLIENT_KEY,
    *API,
    *KEYS,
    *AUDIT,
    *VEC,
    AFTER,
    BY,
    SHARE,
    NO_WAY_BACK,
    FOLLOW,
    REASON,
    RETRY,
)
"""All of them. Names are unique: a flag means the same on every command."""
