"""Rows of the table by which one looks ahead: what a migration would do, what a source would become, whether stores are fit."""

from __future__ import annotations

from dataclasses import replace

from vectormigrate.daemon.api_settings import REMOTE
from vectormigrate.daemon.live_settings import FOLLOW
from vectormigrate.daemon.settings import DRY_RUN, FIELD, MAPPED, MIGRATE, OUTPUT, SIDES, WRITE_MAPPING
from vectormigrate.model.access import Scope

from .command import Command, Effect, Example, Positional, Route

_ID = Positional("id", "Id of the migration.")
FLAGS = (
    "--source-type sqlite --source-url old.db --source-index documents"
    " --target-type pgvector --target-url postgresql://app@localhost/search --target-index documents"
)
"""Two sides, for examples."""
ACCESS = tuple(
    replace(setting, unset="as stored") for setting in SIDES if setting.name.endswith(("-url", "-api-key"))
)
"""How a secret that is not stored by reference is given again to a later command."""

FORESIGHT: tuple[Command, ...] = (
    Command(
        name="plan",
        summary="What a migration would do, what it would change, and how long it would take.",
        details="Says for every vector and field whether it arrives exact, converted or not at all. Writes nothing.",
        positionals=(_ID,),
        settings=(*SIDES, *MIGRATE, WRITE_MAPPING, OUTPUT),
        result="PlanDocument",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/migrations/{id}/plan"),),
        examples=(
            Example(f"plan docs {FLAGS}", "before anything is written"),
            Example(f"plan docs {FLAGS} --write-mapping docs.toml", "a mapping file to edit"),
            Example("plan docs --source old --target new -o docs.plan", "to be read, and begun with `apply`"),
        ),
        handler="migrate:plan",
    ),
    Command(
        name="apply",
        summary="Begin what a plan says that was written to a file, and nothing else.",
        details="Looks at both sides anew, and exits 4 when what was asked for, the shape of the source, the target or the"
        " mapping has changed since the plan was made; nothing is begun then. It is `migrate` with what `plan` was given: it"
        " can be killed, and goes on with the same words. A secret that was given by value is not in the file: give it again.",
        positionals=(Positional("file", "The plan, as `plan -o FILE` wrote it."),),
        settings=(*ACCESS, DRY_RUN, FOLLOW, *REMOTE),
        result="MigrationStatus",
        effect=Effect.CHANGES,
        examples=(
            Example("apply docs.plan", "what was read and agreed to"),
            Example("apply docs.plan --dry-run", "whether it still holds"),
        ),
        handler="apply:apply",
    ),
    Command(
        name="schema",
        summary="What a collection holds, and how a new one of another kind of store would hold it.",
        details="Looks at the source alone: its declared shape, and what a sample of its records holds. Without --source-index"
        " it looks at nothing, and answers for --field, or for the names that are well known. With --write-mapping it writes"
        " the recommendation as a mapping file to edit. Where both sides are there, `plan` says more.",
        positionals=(
            Positional("id", "Id of a migration, for its source and its target's kind.", required=False),
        ),
        settings=(*SIDES, *MAPPED, FIELD, WRITE_MAPPING),
        result="SchemaDocument",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/schema"), Route("POST", "/migrations/{id}/schema")),
        free=("source-type", "target-type"),
        examples=(
            Example(
                "schema --source-type sqlite --source-url old.db --source-index documents --target-type pgvector",
                "before there is a target",
            ),
            Example(
                "schema --source old --source-index documents --target-type qdrant --write-mapping docs.toml",
                "a mapping file to edit",
            ),
            Example(
                "schema --source-type milvus --target-type weaviate --field 'title=varchar(200)' --field 'v=halfvec(768)'",
                "of names and types",
            ),
        ),
        handler="migrate:schema",
    ),
    Command(
        name="doctor",
        summary="Check connections, rights, versions, limits, the disk and the state file.",
        positionals=(Positional("id", "Id of a migration, to check its stores.", required=False),),
        settings=SIDES,
        result="Examined",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/doctor"), Route("POST", "/migrations/{id}/doctor")),
        examples=(
            Example("doctor", "this machine and the state file"),
            Example("doctor docs", "the stores of a migration"),
        ),
        handler="inspect:doctor",
    ),
)
