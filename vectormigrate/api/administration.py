"""Rows of the table that are about the daemon itself: what happened, what is under way, who may ask, who did."""

from __future__ import annotations

from dataclasses import replace

from vectormigrate.daemon.api_settings import AFTER, AUDIT, KEYS, VEC
from vectormigrate.daemon.settings import CURSOR, DRY_RUN, LIMIT, MIGRATE, OFFSET
from vectormigrate.model.access import Scope

from .command import Command, Effect, Example, Positional, Route

VEC_BATCH = replace(next(one for one in MIGRATE if one.name == "batch-size"), default=500)
"""As many as qortex takes unless something else is said."""

ADMINISTRATION: tuple[Command, ...] = (
    Command(
        name="vec",
        summary="Copy all vectors of one of qortex's places into another.",
        details="sqlite is ~/.qortex/vectors.db (or QORTEX_VEC_PATH) with its vec_index, pgvector the table qortex_vectors of the"
        " database that the PGVECTOR_ variables name. What is there is replaced, so it can be run again.",
        settings=(*VEC, VEC_BATCH, DRY_RUN),
        result="MigrateResult",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/vec"),),
        effect=Effect.CHANGES,
        lasting=True,
        examples=(
            Example("vec --from sqlite --to pgvector", "SQLite to Postgres"),
            Example("vec --from sqlite --dry-run", "only count, to where QORTEX_VEC says"),
        ),
        handler="vec:vec",
    ),
    Command(
        name="events",
        summary="What happened, oldest first; of one migration or of all.",
        details="A daemon keeps the last 100,000. To follow them as they come, read GET /v1/events of its API.",
        positionals=(Positional("id", "Id of a migration.", required=False),),
        settings=(AFTER, LIMIT),
        result="Events",
        scope=Scope.READ,
        routes=(Route("GET", "/events"), Route("GET", "/migrations/{id}/events")),
        examples=(
            Example("events docs", "of one migration"),
            Example("events --after 120", "behind the one of that number"),
        ),
        handler="asked:asked",
    ),
    Command(
        name="operations",
        summary="Commands that were given to a daemon and outlast their request, newest first.",
        positionals=(Positional("id", "Id of a migration.", required=False),),
        settings=(LIMIT, OFFSET, CURSOR),
        result="Operations",
        scope=Scope.READ,
        routes=(Route("GET", "/operations"), Route("GET", "/migrations/{id}/operations")),
        examples=(Example("operations docs", "of one migration"),),
        handler="asked:asked",
    ),
    Command(
        name="operation",
        summary="How far one of them is, and what it came to.",
        positionals=(Positional("operation", "Id of the operation."),),
        result="Operation",
        scope=Scope.READ,
        routes=(Route("GET", "/operations/{operation}"),),
        examples=(Example("operation 6f9a", "running, succeeded, failed or interrupted"),),
        handler="asked:asked",
    ),
    Command(
        name="keys",
        summary="Make, list, revoke and rotate the keys of the API; at once, without a restart.",
        details="A key is shown once, when it is made; only a digest of it is kept. Scopes: read looks, operate also changes"
        " migrations between stores that the configuration names, admin also describes stores, sees the audit and makes keys.",
        positionals=(
            Positional("action", "What to do.", choices=("list", "create", "revoke", "rotate")),
            Positional("key", "Id of the key to revoke or rotate.", required=False),
        ),
        settings=(*KEYS, DRY_RUN),
        result="Keys",
        scope=Scope.ADMIN,
        routes=(
            Route("GET", "/keys", {"action": "list"}),
            Route("POST", "/keys", {"action": "create"}),
            Route("POST", "/keys/{key}/revoke", {"action": "revoke"}),
            Route("POST", "/keys/{key}/rotate", {"action": "rotate"}),
        ),
        effect=Effect.DESTROYS,
        harmless=("list", "create"),
        idempotent=False,
        examples=(
            Example("keys list", "who may ask"),
            Example("keys create --scope operate --label ci --days 90", "told once"),
            Example(
                "keys rotate k7m2qx4b --overlap 3600", "another in its place; the old one goes in an hour"
            ),
            Example("keys revoke k7m2qx4b --dry-run", "which one that is; changes nothing"),
            Example("keys revoke k7m2qx4b", "it opens nothing any more"),
        ),
        handler="asked:asked",
    ),
    Command(
        name="audit",
        summary="Who asked for what and what became of it; verify whether anything was changed since.",
        details="Every request is in it, refused ones too, and every move of a migration; each row holds a digest of the one"
        " before it. verify exits 1 when the chain is broken, or differs from a copy given with --against.",
        positionals=(Positional("action", "What to do.", choices=("list", "verify")),),
        settings=(*AUDIT, LIMIT, OFFSET, CURSOR),
        result="AuditLog",
        scope=Scope.ADMIN,
        routes=(
            Route("GET", "/audit", {"action": "list"}),
            Route("GET", "/audit/verify", {"action": "verify"}),
        ),
        examples=(
            Example("audit list --limit 20", "the last twenty"),
            Example("audit verify", "is the chain whole"),
            Example("audit verify --against audit.jsonl", "and the one of the copy"),
        ),
        handler="asked:asked",
    ),
)
