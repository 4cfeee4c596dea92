#!/bin/bash
# What somebody types who has never seen vectormigrate: from an empty machine to an empty machine, with an application that
# goes on writing all the while, and with the mistakes that everybody makes. test_newcomer.py gives it the machine:
#
#   path.sh install | migrate | uninstall
#
#   ROOT      in front of every path; empty on a machine of its own
#   WHEEL     the built wheel; LOCK the hashed requirements; DEPLOY the folder deploy/
#   SOURCE    address of the Qdrant in use, PGHOST and PGPORT of the Postgres that is to take over
#   SECRET    the password of Postgres
#   SOURCE_KEY   the key of the Qdrant, which the application sends with every request
#   LISTEN, API   ports of the daemon
#   APP       the application (application.py)
#
# Every command and everything it prints is the transcript. A line with "!" in front is a mistake: the number is the exit
# code that it must have.
set -u

PREFIX=$ROOT/opt/vectormigrate
ETC=$ROOT/etc/vectormigrate
LIB=$ROOT/var/lib/vectormigrate
UNIT=$ROOT/etc/systemd/system/vectormigrate-serve.service
JOURNAL=$LIB/journal
DAEMON=""

say() { printf '\n# %s\n' "$*"; }
run() {
    printf '$ %s\n' "$*"
    "$@" </dev/null || { echo "FAILED with $?: $*"; exit 1; }
}
mistake() { # CODE COMMAND...
    local wanted=$1 code=0
    shift
    printf '! %s\n' "$*"
    "$@" </dev/null || code=$?
    [ "$code" = "$wanted" ] || { echo "FAILED: exit code $code, not $wanted: $*"; exit 1; }
}
until_phase() {
    for _ in $(seq 300); do
        vectormigrate status documents --json 2>/dev/null | grep -q "\"phase\": *\"$1\"" && return
        sleep 0.2
    done
    vectormigrate status documents
    echo "FAILED: not $1 after a minute"
    exit 1
}

install() {
    say "Install: a virtual environment, every file held against its hash, then the wheel."
    run python3 -m venv "$PREFIX"
    run "$PREFIX/bin/pip" install -q --disable-pip-version-check --require-hashes -r "$LOCK"
    local hash
    hash=$(sha256sum "$WHEEL" | cut -d ' ' -f 1)
    echo "vectormigrate-daemon @ file://$WHEEL --hash=sha256:$hash" > "$PREFIX/wheel.txt"
    run "$PREFIX/bin/pip" install -q --disable-pip-version-check --no-deps --require-hashes -r "$PREFIX/wheel.txt"
    run mkdir -p "$ETC" "$LIB" "$(dirname "$UNIT")"
    sed "s:/opt/:$ROOT/opt/:; s:/etc/:$ROOT/etc/:g" "$DEPLOY/vectormigrate-serve.service" > "$UNIT"
    [ -z "${OWNER:-}" ] || chown "$OWNER" "$LIB"
    configure > "$ETC/vectormigrate.toml"
    run "$PREFIX/bin/vectormigrate" --version
    run test -s "$PREFIX/share/man/man1/vectormigrate.1"
}

configure() {
    cat <<TOML
[listeners.main]
dialect = "qdrant"
listen = "127.0.0.1:$LISTEN"
upstream = "http://$SOURCE"

[api]
addr = "127.0.0.1:$API"

[stores.old]
kind = "qdrant"
url = "http://$SOURCE"
api_key = "env:SOURCE_KEY"

[stores.new]
kind = "pgvector"
url = "postgresql://postgres:\${PGPASSWORD}@$PGHOST:$PGPORT/postgres"

[migrations.documents]
source = "old"
source_index = "documents"
target = "new"
target_index = "documents"
mode = "proxied"
quarantine = 2.0
TOML
}

start_unit() {
    # What systemd would do with the unit: its Environment= lines, then its ExecStart=, as a user without rights. There is
    # no systemd in a test; the rest of the unit (hardening, watchdog, sockets) is tested elsewhere.
    eval "$(sed -n 's/^Environment=/export /p' "$UNIT" | sed "s:%S:$ROOT/var/lib:")"
    local words
    read -r -a words <<< "$(sed -n 's/^ExecStart=//p' "$UNIT")"
    printf '$ systemctl start vectormigrate-serve    (here: %s)\n' "${words[*]}"
    "${words[@]}" </dev/null >> "$JOURNAL" 2>&1 &
    DAEMON=$!
    for _ in $(seq 100); do
        curl -sf "http://127.0.0.1:$API/livez" > /dev/null && return
        sleep 0.1
    done
    cat "$JOURNAL"
    echo "FAILED: the daemon does not answer"
    exit 1
}

first_looks() {
    say "First looks: help, and what is missing."
    run vectormigrate --help
    mistake 2 vectormigrate migrat documents
    mistake 2 vectormigrate plan documents          # the password is not set
    export PGPASSWORD=wrong
    mistake 6 vectormigrate plan documents
    mistake 1 vectormigrate doctor documents
    export PGPASSWORD=$SECRET
    mistake 5 vectormigrate plan documents --target-type pgvector --target-url "postgresql://postgres@$PGHOST:1/postgres"
    mistake 5 vectormigrate plan documents --source-type qdrant --source-url http://127.0.0.1:1
    mistake 2 vectormigrate plan documents --source-index dokuments
    mistake 2 vectormigrate plan dokuments
    run vectormigrate serve --check
    run vectormigrate doctor documents
    run vectormigrate plan documents
    mistake 4 vectormigrate migrate documents       # no daemon runs
    mistake 2 vectormigrate status documents
}

refused_targets() {
    say "A target that is not empty, and one of another width."
    mistake 2 vectormigrate migrate documents --target-index taken
    mistake 4 vectormigrate migrate documents --target-index taken --accept undeclared
    mistake 2 vectormigrate migrate documents --target-index narrow
}

migrate() {
    trap 'kill -9 $(jobs -p) 2> /dev/null' EXIT
    command -v vectormigrate > /dev/null && { echo "FAILED: there is a vectormigrate already"; exit 1; }
    PATH=$PREFIX/bin:$PATH
    export VECTORMIGRATE_CONFIG=$ETC/vectormigrate.toml VECTORMIGRATE_STATE=$LIB/state.db
    first_looks
    say "The daemon, started as the unit has it; and keys."
    start_unit
    mistake 7 vectormigrate serve
    run vectormigrate keys create --scope operate --label newcomer
    mistake 2 vectormigrate status documents
    refused_targets

    say "The application changes a host name, and goes on writing."
    "$PREFIX/bin/python" "$APP" "http://127.0.0.1:$LISTEN" write > "$LIB/application" 2>&1 &
    local application=$!

    say "Move it."
    run vectormigrate migrate documents
    mistake 4 vectormigrate cutover documents --yes
    mistake 2 vectormigrate attest documnets
    run vectormigrate attest documents --by newcomer
    run vectormigrate status documents
    until_phase verified
    run vectormigrate status documents
    run vectormigrate list

    say "kill -9 in the middle: the daemon goes on where it was."
    kill -9 "$DAEMON"
    wait "$DAEMON" 2> /dev/null
    mistake 4 vectormigrate gates documents
    run vectormigrate status documents
    start_unit
    run vectormigrate status documents
    sleep 5     # what was under way may still land (quarantine)

    say "Prove it, and switch."
    run vectormigrate validate documents --full
    run vectormigrate report documents --html "$LIB/report.html" --output "$LIB/report.json"
    run vectormigrate report verify "$LIB/report.json"
    run vectormigrate gates documents
    mistake 4 vectormigrate rollback documents      # nobody to ask
    run vectormigrate cutover documents --dry-run
    mistake 4 vectormigrate cutover documents
    run vectormigrate cutover documents --yes
    run vectormigrate status documents
    mistake 4 vectormigrate rollback documents --yes
    sleep 2

    say "Back, and everything out again."
    run vectormigrate revert documents --dry-run
    run vectormigrate revert documents --yes
    run vectormigrate status documents
    run vectormigrate rollback documents --dry-run
    run vectormigrate rollback documents --yes
    run vectormigrate status documents
    mistake 4 vectormigrate cutover documents --yes
    run vectormigrate list
    run vectormigrate events documents
    run vectormigrate audit verify
    run vectormigrate support-bundle --output "$LIB/bundle.zip"

    say "The application was never asked anything; does it miss anything?"
    kill -TERM "$application"
    wait "$application" || { cat "$LIB/application"; echo "FAILED: the application misses something"; exit 1; }
    run cat "$LIB/application"
    kill -TERM "$DAEMON"
    local code=0
    wait "$DAEMON" || code=$?
    [ "$code" = 143 ] || { echo "FAILED: the daemon ended with $code"; exit 1; }
    run vectormigrate list
    run cat "$JOURNAL"
}

uninstall() {
    say "Uninstall: the environment, the configuration, the state; and what a kill leaves, which is not there under systemd."
    run rm -rf "$PREFIX" "$ETC" "$LIB" "$UNIT"
    run rm -rf "$ROOT"/tmp/vectormigrate-????????
}

"$1"
