"""Records that a target can never hold: each ends in the dead letters by its id, all others arrive, nothing is lost."""

import numpy as np
import pytest
from pymilvus import DataType

from tests.fakes.milvus import vendor_client

from .wrong import Side, assert_error, letters, make_source, plain_source, unknown, vectors, words

COUNT = 30


def spoiled(tmp_path):
    """Thirty records with text ids; some with a vector, an id or a title that is none everywhere."""
    rows = []
    for number, vector in enumerate(vectors(COUNT)):
        key, title = f"k{number:02}", f"title {number}"
        match number:
            case 3:
                vector[2] = np.nan
            case 5:
                vector[2] = -np.inf
            case 7:
                vector[:] = 0
            case 9:
                key = "n\0l"
            case 11:
                title = "be\0fore"
            case 13:
                key = "x" * 3000
            case 15:
                title = "L" * 70_000
        rows.append((key, title, vector))
    return make_source(tmp_path / "old.db", rows, "TEXT")


REFUSED = {
    "sqlite": set(),
    "pgvector": {"s:k03", "s:k05", "s:n\0l", "s:k11", "s:" + "x" * 3000},
    "milvus": {"s:k03", "s:k05", "s:k15"},
}
"""A BLOB holds any float, PostgreSQL no NUL and no key beyond a third of a page, Milvus no text beyond 64 KB."""


@pytest.mark.parametrize("kind", list(REFUSED))
def test_what_a_target_cannot_hold_is_refused_by_itself(terminal, tmp_path, locked_dsn, milvus_url, kind):
    source = spoiled(tmp_path)
    urls = {"sqlite": str(tmp_path / "new.db"), "pgvector": locked_dsn, "milvus": milvus_url}
    target = Side(kind, urls[kind], f"bad_{kind}")
    flags = [*words(source, target), "--metric", "cosine"]
    ran = terminal.run("migrate", "bad", *flags)
    refused = REFUSED[kind]
    status = terminal.run("status", "bad", "--json").document
    assert status["copied"] == COUNT - len(refused)
    assert letters(terminal, "bad").keys() == refused
    if refused:
        assert_error(ran, 3, f"{len(refused)} records did not arrive", kind, "vectormigrate dead-letters bad")
        assert ran.err.count("warning: refused for good") == len(refused)
        assert "\0" not in ran.err, "what would not show is spelled out"
        assert status["phase"] == "failed"
        assert f"{len(refused):,} records, see dead-letters" in terminal.run("status", "bad").out
    else:
        assert ran.code == 0
    seen = terminal.run("validate", "bad", "--full", "--json", *access(target)).document
    assert (seen["missing"], seen["extra"], seen["mismatched"]) == (len(refused), 0, 0)


def access(target):
    return [] if target.kind == "sqlite" else ["--target-url", target.url]


def test_once_mended_at_the_source_it_goes_on_to_the_end(terminal, tmp_path, locked_dsn):
    rows = [(number, f"t{number}", vector) for number, vector in enumerate(vectors(12))]
    rows[4][2][0] = np.nan
    rows[8][2][0] = np.inf
    target = Side("pgvector", locked_dsn)
    source = make_source(tmp_path / "old.db", rows)
    assert_error(terminal.run("migrate", "docs", *words(source, target)), 3, "i:4", "i:8")
    terminal.sql("old.db", "DELETE FROM docs WHERE id = 4")
    good = vectors(1)[0].tobytes().hex()
    terminal.sql("old.db", f"UPDATE docs SET embedding = x'{good}' WHERE id = 8")
    assert terminal.run("resume", "docs", "--target-url", locked_dsn).code == 0
    assert letters(terminal, "docs") == {}
    seen = terminal.run("validate", "docs", "--full", "--json", "--target-url", locked_dsn).document
    assert (seen["ok"], seen["target_count"]) == (True, 11)


def test_what_is_no_vector_in_the_source_costs_only_its_record(terminal, tmp_path):
    source, target = plain_source(tmp_path / "old.db"), Side("sqlite", str(tmp_path / "new.db"))
    (good,) = terminal.sql("old.db", "SELECT hex(embedding) FROM docs WHERE id = 3")[0]
    terminal.sql("old.db", "UPDATE docs SET embedding = x'0102' WHERE id = 3")
    assert_error(terminal.run("migrate", "docs", *words(source, target)), 3, "i:3")
    assert letters(terminal, "docs").keys() == {"i:3"}
    seen = terminal.run("validate", "docs", "--full", "--json").document
    assert (seen["missing"], seen["extra"], seen["mismatched"]) == (1, 0, 0)
    assert "2 bytes instead of a BLOB of 64 bytes" in seen["findings"][0]["detail"]
    assert_error(terminal.run("resume", "docs"), 3, "i:3")
    terminal.sql("old.db", f"UPDATE docs SET embedding = x'{good}' WHERE id = 3")
    assert terminal.run("resume", "docs").code == 0
    assert terminal.run("validate", "docs", "--full", "--json").document["ok"] is True


def test_a_flood_of_refusals_is_told_ten_times(terminal, tmp_path, locked_dsn):
    rows = [(number, f"t{number}", vector) for number, vector in enumerate(vectors(40))]
    for _, _, vector in rows[:25]:
        vector[0] = np.nan
    for _, _, vector in rows[25:]:
        vector[0] = 1
    connection = Side("pgvector", locked_dsn)
    source = make_source(tmp_path / "old.db", rows)
    source = Side(source.kind, source.url, source.index, ("vectors=embedding:16",))
    ran = terminal.run("migrate", "docs", *words(source, connection))
    assert_error(ran, 3, "25 records did not arrive")
    warnings = [line for line in ran.err.splitlines() if line.startswith("warning: refused for good")]
    assert len(warnings) == 10
    assert all(line.count("i:") == 1 for line in warnings), "an id is told once"
    assert ran.err.count("all of them: vectormigrate dead-letters docs") == 1
    assert len(letters(terminal, "docs")) == 25


def test_nothing_starts_when_nothing_would_arrive(terminal, tmp_path):
    source, target = plain_source(tmp_path / "old.db"), Side("sqlite", str(tmp_path / "new.db"))
    flags = [*words(source, target), "--spread", "title"]
    for command in ("plan", "migrate"):
        ran = terminal.run(command, "docs", *flags)
        assert ran.code == 2
    assert_error(ran, 2, "each of the 20 sampled records would be refused", "sqlite: docs", "i:1", "--spread")
    assert unknown(terminal, "docs")
    assert not (tmp_path / "new.db").exists()


# Ids.


@pytest.mark.parametrize(
    ("key", "made", "told"),
    [
        ("text", "bigint", "text ids of the source do not fit the target, whose key holds int"),
        ("text", "uuid", "text ids of the source do not fit the target, whose key holds uuid"),
        ("int", "uuid", "int ids of the source do not fit the target, whose key holds uuid"),
        ("compound", "bigint", "compound ids of the source do not fit the target, whose key holds int"),
        ("uuid", "bigint", "uuid ids of the source do not fit the target, whose key holds int"),
    ],
)
def test_ids_that_do_not_fit_a_key(terminal, tmp_path, locked_dsn, postgres, key, made, told):
    source = keyed(terminal, tmp_path, key)
    postgres.execute(f"create table kept (id {made} primary key, title text, embedding vector(16))")
    ran = terminal.run("migrate", "docs", *words(source, Side("pgvector", locked_dsn, "kept")))
    assert_error(ran, 2, told, "pgvector: kept", "text key")
    assert unknown(terminal, "docs")
    assert postgres.execute("select count(*) from kept").fetchone() == (0,)


def keyed(terminal, tmp_path, kind):
    rows = enumerate(vectors(5))
    match kind:
        case "text":
            return make_source(tmp_path / "old.db", [(f"k{n}", "t", v) for n, v in rows], "TEXT")
        case "int":
            return make_source(tmp_path / "old.db", [(n, "t", v) for n, v in rows])
        case "uuid":
            names = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(5)]
            return make_source(tmp_path / "old.db", [(names[n], "t", v) for n, v in rows], "UUID")
    make_source(tmp_path / "old.db", [(n, "t", v) for n, v in rows])
    terminal.sql("old.db", "ALTER TABLE docs RENAME TO old")
    terminal.sql(
        "old.db", "CREATE TABLE docs (a INTEGER, b TEXT, title TEXT, embedding BLOB, PRIMARY KEY (a, b))"
    )
    terminal.sql("old.db", "INSERT INTO docs SELECT id, 'b' || id, title, embedding FROM old")
    return Side("sqlite", str(tmp_path / "old.db"))


def test_integers_go_into_a_text_key_and_come_out_again(terminal, tmp_path, locked_dsn, postgres):
    postgres.execute("create table kept (id text primary key, title text, embedding vector(16))")
    target = Side("pgvector", locked_dsn, "kept")
    assert terminal.run("migrate", "docs", *words(plain_source(tmp_path / "old.db"), target)).code == 0
    assert postgres.execute("select title from kept where id = '7'").fetchone() == ("title 7",)
    assert terminal.run("rollback", "docs", "--force", "--target-url", locked_dsn).code == 0
    assert postgres.execute("select count(*) from kept").fetchone() == (0,)


def test_an_id_longer_than_the_key_is_refused_by_itself(terminal, tmp_path, milvus_url):
    short_key(milvus_url, "short")
    rows = [(f"k{n}" if n != 2 else "y" * 65, "t", v) for n, v in enumerate(vectors(6))]
    source = make_source(tmp_path / "old.db", rows, "TEXT")
    ran = terminal.run("migrate", "docs", *words(source, Side("milvus", milvus_url, "short")))
    assert_error(ran, 3, "1 record did not arrive", "y" * 65, "milvus: short")
    assert "its 65 bytes do not fit 64" in letters(terminal, "docs")["s:" + "y" * 65]
    assert terminal.run("status", "docs", "--json").document["copied"] == 5


def short_key(url, name):
    """A collection of somebody else's, whose key takes 64 bytes."""
    client = vendor_client(url)
    schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=16)
    index = client.prepare_index_params()
    index.add_index("embedding", index_type="FLAT", metric_type="COSINE")
    client.create_collection(name, schema=schema, index_params=index)
    client.close()
