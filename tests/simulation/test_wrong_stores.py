"""A side that is not what its flags say: refused before anything is stored or written, by name, with the right code."""

import socket
import time

import pytest

from tests.fakes.milvus import vendor_client

from .wrong import (
    PASSWORD,
    Side,
    assert_error,
    holds_secret,
    make_source,
    plain_source,
    prints,
    unknown,
    vectors,
    words,
)

TIMEOUT = 2


@pytest.fixture
def source(tmp_path):
    return plain_source(tmp_path / "old.db")


@pytest.fixture
def new(tmp_path):
    return Side("sqlite", str(tmp_path / "new.db"))


# The shape of a collection that is there.


@pytest.mark.parametrize("kind", ["sqlite", "pgvector", "milvus"])
def test_a_wrong_dimension(terminal, tmp_path, source, locked_dsn, postgres, milvus_url, kind):
    match kind:
        case "sqlite":
            target = plain_source(tmp_path / "new.db", count=3, dim=8)
            held = "SELECT count(*) FROM docs"
        case "pgvector":
            postgres.execute("create table docs (id bigint primary key, title text, embedding vector(8))")
            target = Side("pgvector", locked_dsn)
        case "milvus":
            vendor_client(milvus_url).create_collection("narrow", dimension=8, vector_field_name="embedding")
            target = Side("milvus", milvus_url, "narrow")
    ran = terminal.run("migrate", "docs", *words(source, target), "--existing", "skip")
    assert_error(ran, 2, "has 16 dimensions, and the target's 'embedding' has 8", f"{kind}: {target.index}")
    assert unknown(terminal, "docs")
    if kind == "sqlite":
        assert terminal.sql("new.db", held) == [(3,)]
    if kind == "pgvector":
        assert postgres.execute("select count(*) from docs").fetchone() == (0,)


def test_a_wrong_metric(terminal, locked_dsn, postgres, milvus_url):
    vendor_client(milvus_url).create_collection(
        "angles", dimension=16, metric_type="COSINE", vector_field_name="embedding"
    )
    postgres.execute("create table docs (id bigint primary key, embedding vector(16))")
    postgres.execute("create index on docs using hnsw (embedding vector_l2_ops)")
    flags = words(Side("milvus", milvus_url, "angles"), Side("pgvector", locked_dsn))
    ran = terminal.run("migrate", "docs", *flags, "--drop", "*")
    assert_error(ran, 2, "is compared by cosine and the target's 'embedding' by euclid", "pgvector: docs")
    assert unknown(terminal, "docs")
    assert postgres.execute("select count(*) from docs").fetchone() == (0,)


def test_what_a_store_could_not_create_is_refused_before_it_starts(terminal, tmp_path, milvus_url):
    rows = [(number, "t", vector) for number, vector in enumerate(vectors(3))]
    source = make_source(tmp_path / "old.db", rows)
    terminal.sql("old.db", "ALTER TABLE docs DROP COLUMN embedding")
    flags = words(source, Side("milvus", milvus_url, "bare"))
    for command in ("plan", "migrate"):
        assert_error(terminal.run(command, "docs", *flags), 2, "needs a vector field", "milvus: bare")
    assert unknown(terminal, "docs")
    assert not vendor_client(milvus_url).has_collection("bare")


def test_a_schema_that_is_not_there(terminal, source, locked_dsn):
    ran = terminal.run("migrate", "docs", *words(source, Side("pgvector", locked_dsn, "nowhere.docs")))
    assert_error(ran, 2, "no schema 'nowhere'", "create schema")
    assert unknown(terminal, "docs")


@pytest.mark.parametrize(
    "url", ["nonsense", f"postgresql://u:{PASSWORD}@h:5x/x", f"host=h password={PASSWORD} prot=1"]
)
def test_an_address_that_cannot_be_read(terminal, source, url):
    ran = terminal.run("migrate", "docs", *words(source, Side("pgvector", url)))
    assert_error(
        ran, 2, "the connection string cannot be read", "pgvector", "postgresql://user@host:5432/database"
    )
    assert unknown(terminal, "docs")


def test_a_user_who_may_not_create(terminal, source, locked_dsn, postgres):
    postgres.execute(f"create role reader_{postgres.info.dbname} login password 'r0-{PASSWORD}'")
    url = locked_dsn.replace(f"postgres:{PASSWORD}", f"reader_{postgres.info.dbname}:r0-{PASSWORD}")
    ran = terminal.run("migrate", "docs", *words(source, Side("pgvector", url)))
    assert_error(ran, 6, "may not create a table", "pgvector: docs", "grant create on schema")
    assert unknown(terminal, "docs")


# Names that mean nothing.


@pytest.mark.parametrize("kind", ["sqlite", "pgvector", "milvus"])
def test_a_missing_collection(terminal, tmp_path, source, new, locked_dsn, milvus_url, kind):
    urls = {"sqlite": source.url, "pgvector": locked_dsn, "milvus": milvus_url}
    ran = terminal.run("migrate", "docs", *words(Side(kind, urls[kind], "nope"), new))
    assert_error(ran, 2, "'nope'", kind, ": nope")
    assert unknown(terminal, "docs")
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--source-option", "vectors=nope"], "no column 'nope' that could be a vector"),
        (["--drop", "nope"], "no field or vector named 'nope'"),
        (["--rename", "nope=x"], "no field or vector named 'nope'"),
        (["--spread", "nope"], "no field or vector named 'nope'"),
        (["--source-option", "vectros=embedding"], "sqlite has no option 'vectros'"),
        (["--source-option", "timeout=soon"], "timeout 'soon' is no number of seconds"),
    ],
)
def test_a_name_in_an_option_that_the_source_has_not(terminal, tmp_path, source, new, flags, told):
    assert_error(terminal.run("migrate", "docs", *words(source, new), *flags), 2, told)
    assert unknown(terminal, "docs")
    assert not (tmp_path / "new.db").exists()


# Getting in.


@pytest.mark.parametrize("json", [True, False])
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_wrong_password(terminal, tmp_path, source, new, locked_dsn, postgres, side, json):
    wrong = Side("pgvector", locked_dsn.replace(PASSWORD, f"not-{PASSWORD}"))
    sides = (wrong, new) if side == "source" else (source, wrong)
    ran = terminal.run("migrate", "docs", *words(*sides), *(["--json"] if json else []))
    if json:
        error = ran.document["error"]
        assert (ran.code, error["code"], error["retryable"]) == (6, "authentication", False)
        assert PASSWORD not in ran.out + ran.err
    else:
        assert_error(
            ran, 6, "refused the credentials", "user 'postgres'", "pgvector", "check user and password"
        )
    assert unknown(terminal, "docs")
    assert not (tmp_path / "new.db").exists()
    assert holds_secret(tmp_path) == []


def test_a_password_that_was_not_stored_is_asked_for_again(terminal, tmp_path, source, locked_dsn):
    target = Side("pgvector", locked_dsn)
    ran = terminal.run("migrate", "docs", *words(source, target))
    assert ran.code == 0
    assert PASSWORD not in ran.out + ran.err
    assert_error(terminal.run("validate", "docs"), 6, "is not stored: give it again", "--target-url")
    assert terminal.run("validate", "docs", "--target-url", locked_dsn).code == 0
    assert holds_secret(tmp_path) == []


def test_a_password_by_reference_is_found_again(terminal, tmp_path, source, locked_dsn):
    terminal.environ["DB_PASSWORD"] = PASSWORD
    target = Side("pgvector", locked_dsn.replace(PASSWORD, "${DB_PASSWORD}"))
    ran = terminal.run("migrate", "docs", *words(source, target), "--verbose")
    assert (ran.code, ran.err.count("warning")) == (0, 0)
    assert terminal.run("validate", "docs").code == 0
    terminal.environ["DB_PASSWORD"] = "changed"
    assert_error(terminal.run("validate", "docs"), 6, "refused the credentials")
    assert PASSWORD not in ran.out + ran.err
    assert holds_secret(tmp_path) == []


@pytest.fixture
def silent():
    """The port of a server that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server.getsockname()[1]


@pytest.mark.parametrize("where", ["closed", "unknown", "silent"])
@pytest.mark.parametrize("kind", ["pgvector", "milvus"])
def test_a_server_that_cannot_be_reached(terminal, tmp_path, source, silent, kind, where):
    host = {"closed": "127.0.0.1:1", "unknown": "no-such-host.invalid:99", "silent": f"127.0.0.1:{silent}"}[
        where
    ]
    url = f"postgresql://u:{PASSWORD}@{host}/x" if kind == "pgvector" else f"http://{host}"
    began = time.monotonic()
    flags = [*words(source, Side(kind, url, "docs", (f"timeout={TIMEOUT}",))), "--max-retries", "0"]
    ran = terminal.run("migrate", "docs", *flags)
    assert time.monotonic() - began < 3 * TIMEOUT + 2
    told = {"closed": "connection refused", "unknown": "unknown host"}.get(where, "")
    assert_error(ran, 5, kind, host.partition(":")[0], told, retry=True)
    assert unknown(terminal, "docs")
    assert holds_secret(tmp_path) == []


# A target that holds something.


def foreign_target(postgres):
    postgres.execute("create table docs (id bigint primary key, title text, embedding vector(16))")
    for number in (5, 500):
        postgres.execute("insert into docs values (%s, 'theirs', %s)", [number, str([1.0] * 16)])


def rows_of(postgres):
    return postgres.execute("select id, title, embedding::text from docs order by id").fetchall()


def test_a_target_that_is_not_empty(terminal, source, locked_dsn, postgres):
    foreign_target(postgres)
    before = rows_of(postgres)
    ran = terminal.run("migrate", "docs", *words(source, Side("pgvector", locked_dsn)))
    assert_error(
        ran, 4, "already holds 2 records", "pgvector: docs", "--existing skip", "--existing overwrite"
    )
    assert unknown(terminal, "docs")
    assert rows_of(postgres) == before


@pytest.mark.parametrize(
    ("existing", "title", "copied"), [("skip", "theirs", 19), ("overwrite", "title 5", 20)]
)
def test_what_was_there_comes_back_exactly(terminal, source, locked_dsn, postgres, existing, title, copied):
    foreign_target(postgres)
    before = rows_of(postgres)
    flags = words(source, Side("pgvector", locked_dsn))
    assert terminal.run("migrate", "docs", *flags, "--existing", existing).code == 0
    assert postgres.execute("select title from docs where id = 5").fetchone() == (title,)
    assert postgres.execute("select count(*) from docs").fetchone() == (21,)
    assert terminal.run("status", "docs", "--json").document["copied"] == copied
    rolled = terminal.run("rollback", "docs", "--force", "--json", "--target-url", locked_dsn).document
    assert (rolled["left"], rolled["foreign_changed"]) == (0, 0)
    assert rows_of(postgres) == before


# One collection by two names.


def test_a_file_by_another_spelling(terminal, tmp_path, source):
    (tmp_path / "soft.db").symlink_to(tmp_path / "old.db")
    (tmp_path / "hard.db").hardlink_to(tmp_path / "old.db")
    before = prints(tmp_path)
    for name in ("./old.db", "soft.db", "hard.db", f"../{tmp_path.name}/old.db"):
        for index in ("docs", "DOCS"):
            ran = terminal.run("migrate", "docs", *words(source, Side("sqlite", name, index)))
            assert ran.code == 2, (name, index, ran.err)
            assert_error(ran, 2, "sqlite")
    assert prints(tmp_path) == before


def test_a_database_by_another_spelling(terminal, locked_dsn, postgres):
    postgres.execute("create table docs (id bigint primary key, embedding vector(3))")
    port, name = postgres.info.port, postgres.info.dbname
    for url in (
        locked_dsn.replace("127.0.0.1", "localhost"),
        f"host=127.0.0.1 port={port} user=postgres password={PASSWORD} dbname={name}",
        f"{locked_dsn}?connect_timeout=3",
    ):
        for index in ("docs", "public.docs", "Docs"):
            ran = terminal.run(
                "migrate", "docs", *words(Side("pgvector", locked_dsn), Side("pgvector", url, index))
            )
            assert_error(ran, 2, "source and target are the same collection", "pgvector: docs")
    assert unknown(terminal, "docs")


def test_a_milvus_by_another_spelling(terminal, milvus_url):
    vendor_client(milvus_url).create_collection("twin", dimension=4)
    url = milvus_url.replace("127.0.0.1", "localhost") + "/"
    ran = terminal.run(
        "migrate", "docs", *words(Side("milvus", milvus_url, "twin"), Side("milvus", url, "twin"))
    )
    assert_error(ran, 2, "source and target are the same collection", "milvus: twin")
    assert unknown(terminal, "docs")


# Looking changes nothing.


def test_a_milvus_lite_that_is_not_there_is_not_made_by_looking(terminal, tmp_path, source, new):
    before = prints(tmp_path)
    for line in ("plan", "migrate"):
        ran = terminal.run(line, "docs", *words(Side("milvus", str(tmp_path / "typo.db")), new))
        assert_error(ran, 2, "there is no collection 'docs'", "typo.db does not exist")
    target = Side("milvus", str(tmp_path / "new.milvus"))
    for line in (["plan", "docs"], ["migrate", "docs", "--dry-run"], ["doctor", "docs"]):
        assert terminal.run(*line, *words(source, target)).code == 0
    assert_error(terminal.run("plan", "docs", *words(source, Side("milvus", source.url))), 2, "is a file")
    assert prints(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == {"old.db"}


@pytest.mark.parametrize("kind", ["sqlite", "pgvector", "milvus"])
def test_plan_and_dry_run_write_nothing(terminal, tmp_path, source, locked_dsn, postgres, milvus_url, kind):
    urls = {"sqlite": str(tmp_path / "new.db"), "pgvector": locked_dsn, "milvus": milvus_url}
    flags = words(source, Side(kind, urls[kind], "untouched"))
    before = prints(tmp_path)
    assert terminal.run("plan", "docs", *flags).code == 0
    assert terminal.run("migrate", "docs", *flags, "--dry-run").code == 0
    assert prints(tmp_path) == before
    assert postgres.execute("select to_regclass('untouched')").fetchone() == (None,)
    assert not vendor_client(milvus_url).has_collection("untouched")
