"""THE table of commands: what each is called, what it takes, what it answers, who may ask for it.

Command line, REST, JSON-RPC, MCP and help are made from it. Handlers of the command line and classes of results are named by
text and loaded when they are wanted, so that this module costs nothing to import. What a daemon does when it is asked is a
method of `daemon.desk.Desk`, of the same name.
"""

from __future__ import annotations

from vectormigrate.daemon.api_settings import API, REMOTE
from vectormigrate.daemon.live_settings import BY, FOLLOW, LIVE, NO_WAY_BACK, RETRY, SHARE
from vectormigrate.daemon.serving_settings import DIALECTS, EMULATE, EMULATED_AT, SERVE
from vectormigrate.daemon.settings import (
    CURSOR,
    DIRECTORY,
    DRY_RUN,
    FORCE,
    HTML,
    KEEP,
    LIMIT,
    MIGRATE,
    OFFSET,
    OUTPUT,
    PLAN_DIGEST,
    SIDES,
    SIGNED_BY,
    STATUS,
    TAKEN,
    WAY,
    YES,
)
from vectormigrate.daemon.validate_settings import VALIDATE
from vectormigrate.model.access import Scope

from .administration import ADMINISTRATION
from .command import Command, Effect, Example, Positional, Route
from .foresight import ACCESS, FLAGS, FORESIGHT
from .levers import STEERING
from .snapshots import SNAPSHOTS

ID = Positional("id", "Id of the migration.")


def _look(name: str) -> Route:
    return Route("GET", f"/migrations/{{id}}/{name}")


def _verb(name: str) -> Route:
    return Route("POST", f"/migrations/{{id}}/{name}")


COMMANDS: tuple[Command, ...] = (
    Command(
        name="demo",
        summary="The whole story on embedded stores, with real text embeddings.",
        details="Moves a collection from SQLite to pgvector to Milvus Lite, is killed and resumes, validates, rolls back;"
        " and a collection in use from a Qdrant to Postgres, through a kill, a cutover and a revert. Prints what that"
        " proved. Needs no set-up and leaves nothing running.",
        settings=(DIRECTORY, KEEP),
        result="legs, live, rollback, ok",
        examples=(Example("demo", "see it work"), Example("demo --json", "the same as one document")),
        handler="demo.command:demo",
    ),
    Command(
        name="migrate",
        summary="Copy a collection and validate it; goes on with the id if it exists.",
        details="Ctrl-C writes a checkpoint and says how to go on; so does a kill, without saying. With --dry-run it"
        " connects, reads, maps and reports, and writes nothing. With --mode proxied or captured the daemon runs it, and"
        " this command returns once the daemon has taken it over.",
        positionals=(ID,),
        settings=(*SIDES, *MIGRATE, PLAN_DIGEST, DRY_RUN, FOLLOW),
        result="MigrationStatus",
        rehearsed="PlanDocument",
        scope=Scope.OPERATE,
        routes=(Route("POST", "/migrations"), Route("POST", "/migrations/{id}/migrate")),
        effect=Effect.CHANGES,
        lasting=True,
        makes=True,
        examples=(
            Example(f"migrate docs {FLAGS}", "SQLite to Postgres"),
            Example("migrate docs", "go on after a stop, or start what vectormigrate.toml describes"),
            Example(
                "migrate docs --source old --source-index documents --target new --target-index documents",
                "stores named in vectormigrate.toml",
            ),
            Example(f"migrate docs {FLAGS} --dry-run", "only say what would happen"),
            Example(
                "migrate library --source old --each-collection 'docs-*' --target new --target-index '{name}_v2'",
                "every collection that is called so, each with a state of its own",
            ),
        ),
        handler="migrate:migrate",
    ),
    Command(
        name="serve",
        summary="Stand in front of a vendor's server and speak its API.",
        details="An application changes its host name and nothing else. The first signal answers what is under way and"
        " ends, the second leaves at once; SIGHUP reads the file again. Started on an inherited socket (systemd:NAME), a"
        " restart refuses no connection.",
        settings=(*SERVE, *API, *LIVE),
        result="listeners, drained; with --check listeners, ok",
        effect=Effect.CHANGES,
        examples=(
            Example(
                "serve --dialect qdrant --listen 127.0.0.1:6333 --upstream http://qdrant.internal:6333"
                " --grpc-upstream http://qdrant.internal:6334",
                "one listener, HTTP and gRPC on one port",
            ),
            Example("serve --check", "whether vectormigrate.toml can be served"),
            Example("serve", "every [listeners.NAME] of vectormigrate.toml"),
        ),
        handler="serve:serve",
    ),
    Command(
        name="emulate",
        summary="A local server with a vendor's API over any store.",
        details="For development and tests: the vendor's official client talks to it. In memory unless --store says"
        " otherwise, and reachable from this machine only unless --listen does.",
        positionals=(Positional("vendor", "Whose API.", choices=DIALECTS),),
        settings=(*EMULATE, *EMULATED_AT),
        result="listeners, drained",
        effect=Effect.CHANGES,
        examples=(
            Example("emulate qdrant", "at 127.0.0.1:6333, in memory"),
            Example("emulate qdrant --store sqlite:local.db", "what is written stays"),
            Example(
                "emulate pinecone --listen 127.0.0.1:5081 --index docs", "one index at the address itself"
            ),
            Example("emulate weaviate", "at 127.0.0.1:8080, and gRPC at 127.0.0.1:50051"),
        ),
        handler="emulate:emulate",
    ),
    Command(
        name="resume",
        summary="Go on with a migration that was stopped, paused, killed or failed.",
        positionals=(ID,),
        settings=(DRY_RUN, *ACCESS, FOLLOW),
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(_verb("resume"),),
        effect=Effect.CHANGES,
        lasting=True,
        examples=(
            Example("resume docs --dry-run", "where it would go on, and how much is left"),
            Example("resume docs", "go on from the last checkpoint"),
        ),
        handler="migrate:resume",
    ),
    *FORESIGHT,
    *SNAPSHOTS,
    Command(
        name="status",
        summary="Where a migration is.",
        details="Of a live one also who answers the application, lag and debt, when its daemon runs.",
        positionals=(ID,),
        settings=(FOLLOW,),
        result="MigrationStatus",
        scope=Scope.READ,
        routes=(Route("GET", "/migrations/{id}"),),
        examples=(
            Example("status docs", "now"),
            Example("status docs --follow", "until it is verified, or rests"),
            Example("status docs --json", "for a script"),
        ),
        handler="inspect:status",
    ),
    Command(
        name="list",
        summary="Every migration of the state file.",
        settings=(STATUS, LIMIT, OFFSET, CURSOR),
        result="Migrations",
        scope=Scope.READ,
        routes=(Route("GET", "/migrations"),),
        examples=(Example("list", "newest first"), Example("list --status failed", "those that need a look")),
        handler="inspect:list_migrations",
    ),
    Command(
        name="validate",
        summary="Compare source and target; exits 3 when they differ.",
        details="A sample bounds the rate of differing records and never says equal; --full compares every record of"
        " both sides and counts what is missing and extra. With --recall both sides are searched as well.",
        positionals=(ID,),
        settings=(*VALIDATE, DRY_RUN, *ACCESS),
        result="ValidationReport",
        rehearsed="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(_verb("validate"),),
        effect=Effect.CHANGES,
        idempotent=False,
        lasting=True,
        examples=(
            Example(
                "validate docs --sample-size 3000", "a sample: under 0.1 % differ, at 95 %, when it is clean"
            ),
            Example("validate docs --full --dry-run", "how much that would be; compares nothing"),
            Example("validate docs --full", "the proof"),
            Example("validate docs --ids doc-17 --ids doc-18", "two records"),
            Example("validate docs --recall 500", "a sample, and what searches find on either side"),
        ),
        handler="verbs:validate",
    ),
    Command(
        name="repair",
        summary="Make the target of a verified migration what its source is now.",
        details="Compares every record of both sides, copies anew what differs or is missing, and takes out of the target what"
        " the migration put there and the source has no more. With --dry-run it compares, and changes nothing. For offline"
        " migrations: a live one mends by itself what a comparison finds.",
        positionals=(ID,),
        settings=(DRY_RUN, FORCE, YES, *ACCESS),
        result="MigrationStatus",
        rehearsed="ValidationReport",
        scope=Scope.OPERATE,
        routes=(_verb("repair"),),
        effect=Effect.DESTROYS,
        lasting=True,
        examples=(
            Example("repair docs --dry-run", "what it would mend: validate --full"),
            Example("repair docs", "asks first"),
        ),
        handler="verbs:repair",
    ),
    Command(
        name="rollback",
        summary="Take out of the target exactly what the migration put in.",
        details="Records that were there before stay, and those that were overwritten come back. Works from a new"
        " process and after completion; may be killed and run again.",
        positionals=(ID,),
        settings=(DRY_RUN, FORCE, YES, *ACCESS),
        result="RollbackReport",
        scope=Scope.OPERATE,
        routes=(_verb("rollback"),),
        effect=Effect.DESTROYS,
        lasting=True,
        examples=(
            Example("rollback docs --dry-run", "count, and remove nothing"),
            Example("rollback docs", "asks first"),
            Example("rollback docs --force", "does not ask"),
        ),
        handler="verbs:rollback",
    ),
    Command(
        name="attest",
        summary="Vouch that every writer comes through the daemon from now on.",
        details="The backfill of a proxied migration begins only then: what was written past the daemon before is carried"
        " over with everything else, what would be written past it later is not seen. Kept in the audit log.",
        positionals=(ID,),
        settings=(BY, DRY_RUN),
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(_verb("attest"),),
        effect=Effect.CHANGES,
        examples=(
            Example("attest docs --dry-run", "what would begin; changes nothing"),
            Example("attest docs --by ada", "the word of Ada"),
        ),
        handler="live:attest",
    ),
    Command(
        name="gates",
        summary="What only the daemon knows of a live migration: lag, debt, and what keeps a cutover from happening.",
        positionals=(ID,),
        result="LiveStatus",
        scope=Scope.READ,
        routes=(_look("gates"),),
        examples=(Example("gates docs", "every condition, open or with the reason why not"),),
        handler="live:gates",
    ),
    Command(
        name="cutover",
        summary="Let the target answer the application; the source is kept up to date for a revert.",
        details="Writes are held while what is owed is paid, usually for milliseconds; if that cannot be done in time,"
        " nothing has changed. Exits 4 when a gate is closed.",
        positionals=(ID,),
        settings=(DRY_RUN, NO_WAY_BACK, FORCE, YES),
        result="SwapReport",
        scope=Scope.OPERATE,
        routes=(_verb("cutover"),),
        effect=Effect.DESTROYS,
        examples=(
            Example("cutover docs --dry-run", "the gates, and nothing else"),
            Example("cutover docs", "asks first"),
        ),
        handler="live:cutover",
    ),
    Command(
        name="revert",
        summary="Let the source answer the application again, with everything that was written meanwhile.",
        positionals=(ID,),
        settings=(DRY_RUN, FORCE, YES),
        result="SwapReport",
        scope=Scope.OPERATE,
        routes=(_verb("revert"),),
        effect=Effect.DESTROYS,
        examples=(Example("revert docs --yes", "does not ask"),),
        handler="live:revert",
    ),
    Command(
        name="commit",
        summary="Give up the way back: the source is told nothing any more.",
        positionals=(ID,),
        settings=(DRY_RUN, FORCE, YES),
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(_verb("commit"),),
        effect=Effect.DESTROYS,
        examples=(
            Example("commit docs --dry-run", "whether it could be; changes nothing"),
            Example("commit docs", "asks first"),
        ),
        handler="live:commit",
    ),
    Command(
        name="allow-deletes",
        summary="Say that records which are absent though nobody deleted them are gone, and may be deleted on the other side.",
        details="Deletes stop by themselves when the side that answers lacks many records that nobody deleted: a part of it"
        " may be away. Look first; this goes for what is owed now, and no further. Kept in the audit log.",
        positionals=(ID,),
        settings=(BY, DRY_RUN, FORCE, YES),
        result="LiveStatus",
        scope=Scope.OPERATE,
        routes=(_verb("allow-deletes"),),
        effect=Effect.DESTROYS,
        examples=(
            Example("allow-deletes docs --dry-run", "how much is owed, and where it would be deleted"),
            Example("allow-deletes docs --by ada", "Ada looked: they are gone"),
        ),
        handler="live:allow_deletes",
    ),
    Command(
        name="reads",
        summary="Let the secondary answer a share of the reads; they see what it has by then.",
        positionals=(ID,),
        settings=(SHARE, DRY_RUN),
        result="LiveStatus",
        scope=Scope.OPERATE,
        routes=(_verb("reads"),),
        effect=Effect.CHANGES,
        examples=(Example("reads docs --share 0.05", "one read in twenty"),),
        handler="live:reads",
    ),
    Command(
        name="pause",
        summary="Stop a migration at its next checkpoint, in whatever process it runs.",
        positionals=(ID,),
        settings=(DRY_RUN,),
        result="MigrationStatus",
        scope=Scope.OPERATE,
        routes=(_verb("pause"),),
        effect=Effect.CHANGES,
        examples=(
            Example("pause docs --dry-run", "whether it can be; changes nothing"),
            Example("pause docs", "go on later with: vectormigrate resume docs"),
        ),
        handler="verbs:pause",
    ),
    *STEERING,
    Command(
        name="capture",
        summary="Let the source itself tell which records change, where no proxy stands in front of it.",
        details="install makes a logical slot or triggers in PostgreSQL, triggers in SQLite; check exits 1 when changes"
        " may pass unseen; remove takes away exactly what was made. Install before anything is copied, with the flags of the"
        " migration; what says nothing of the source is not looked at.",
        positionals=(Positional("action", "What to do.", choices=("install", "check", "remove")), ID),
        settings=(*SIDES, *MIGRATE, WAY, TAKEN, DRY_RUN),
        result="CaptureReport",
        scope=Scope.OPERATE,
        routes=tuple(
            Route("POST", f"/migrations/{{id}}/capture/{action}", {"action": action})
            for action in ("install", "check", "remove")
        ),
        effect=Effect.DESTROYS,
        harmless=("install", "check"),
        examples=(
            Example("capture check docs", "is every change seen, and how old is the oldest that waits"),
            Example(f"capture install docs {FLAGS}", "before the first run"),
            Example("capture install docs --dry-run", "what it would make in the source"),
            Example("capture install docs --way outbox", "by triggers, though a slot would be allowed"),
            Example("capture remove docs", "when the migration is over"),
            Example(f"capture remove docs --taken {FLAGS}", "the state file that it was made for is lost"),
        ),
        handler="capture:capture",
    ),
    Command(
        name="findings",
        summary="What differs, as the last validation saw it.",
        positionals=(ID,),
        settings=(LIMIT, OFFSET, CURSOR),
        result="Findings",
        scope=Scope.READ,
        routes=(_look("findings"),),
        examples=(Example("findings docs --limit 20", "the first twenty"),),
        handler="inspect:findings",
    ),
    Command(
        name="dead-letters",
        summary="Records that the target refused for good, and why.",
        details="An offline migration tries them again whenever it is resumed, a live one with --retry or when the record"
        " is written anew.",
        positionals=(ID,),
        settings=(LIMIT, OFFSET, CURSOR, RETRY, DRY_RUN),
        result="DeadLetters",
        scope=Scope.READ,
        routes=(_look("dead-letters"), _verb("dead-letters")),
        effect=Effect.CHANGES,
        examples=(
            Example("dead-letters docs", "with the reason of each"),
            Example("dead-letters docs --retry --dry-run", "how many would be tried again"),
            Example("dead-letters docs --retry", "the target takes them now: the daemon is to try again"),
        ),
        handler="inspect:dead_letters",
    ),
    Command(
        name="report",
        summary="The last validation as signed JSON, or as one HTML file; or whether such a document is whole.",
        details="The JSON is signed with the key beside the state file. `report verify FILE` needs neither: it says whether the"
        " document is as it was signed, and by which key.",
        positionals=(
            Positional("id", "Id of the migration, or verify."),
            Positional("file", "With verify: the JSON document.", required=False),
        ),
        settings=(HTML, OUTPUT, SIGNED_BY),
        result="LastReport",
        scope=Scope.READ,
        routes=(_look("report"),),
        examples=(
            Example("report docs --html docs.html", "for people: one file, no network"),
            Example("report docs --output docs.json", "for machines"),
            Example("report verify docs.json", "exits 1 when it was changed after it was signed"),
        ),
        handler="inspect:report",
    ),
    *ADMINISTRATION,
    Command(
        name="config",
        summary="Show the merged configuration with the origin of each value, or check the file.",
        positionals=(Positional("action", "What to do.", required=False, choices=("show", "check")),),
        result="file, settings, stores, migrations",
        examples=(
            Example("config show", "secrets as stars"),
            Example("config check", "exits 2 when it cannot be used"),
        ),
        handler="configuration:config",
    ),
    Command(
        name="support-bundle",
        summary="One archive for somebody who is to help: configuration, versions, checks, every migration's history.",
        details="Secrets are stars, and no id, vector or payload of a record is in it.",
        settings=(OUTPUT,),
        result="Bundled",
        examples=(Example("support-bundle --output help.zip", "look into it before you send it"),),
        handler="support:support_bundle",
    ),
    Command(
        name="mcp",
        summary="The commands as MCP tools over standard input and output, for an assistant.",
        details="The daemon of the state file does the work, or the one at --url. Over HTTP the same tools are at /mcp of its API.",
        settings=REMOTE,
        result="nothing: standard output is the protocol's",
        effect=Effect.CHANGES,
        examples=(
            Example("mcp", "as the server command of an assistant on this machine"),
            Example("mcp --url https://migrations.internal:8080 --api-key file:key", "a daemon elsewhere"),
        ),
        handler="mcp:mcp",
    ),
    Command(
        name="completion",
        summary="Print the completion script of a shell.",
        positionals=(Positional("shell", "The shell.", choices=("bash", "zsh", "fish")),),
        result="shell, script",
        examples=(
            Example("completion bash > ~/.local/share/bash-completion/completions/vectormigrate", "bash"),
            Example("completion fish > ~/.config/fish/completions/vectormigrate.fish", "fish"),
        ),
        handler="completion:completion",
    ),
)
"""In the order of the help."""

BY_NAME = {command.name: command for command in COMMANDS}
LOOKS = frozenset(command.name for command in COMMANDS if command.reads_only)
"""What the history of a migration can do without."""
