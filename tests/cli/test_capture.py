"""`capture` as it is typed."""


def test_install_check_and_remove_before_anything_is_copied(terminal):
    terminal.source()
    made = terminal.run("capture", "install", "docs", *terminal.flags())
    assert made.code == 0, made.err
    assert "made trigger" in made.out
    assert "start copying only now" in made.err
    again = terminal.run("capture", "install", "docs", *terminal.flags(), "--json")
    assert (again.code, again.document["done"], again.document["problems"]) == (0, [], [])
    terminal.run("migrate", "docs", *terminal.flags())
    checked = terminal.run("capture", "check", "docs")
    assert checked.code == 0
    assert "sound" in checked.out
    assert "oldest change that waits" in checked.out
    removed = terminal.run("capture", "remove", "docs")
    assert (removed.code, removed.out.count("removed trigger")) == (0, 3)
    assert "nothing to do" in terminal.run("capture", "remove", "docs").out
    assert terminal.sql("old.db", "SELECT name FROM sqlite_schema") == [("docs",)]


def test_between_install_and_migrate_the_flags_are_asked_for_again(terminal):
    terminal.source()
    terminal.run("capture", "install", "docs", *terminal.flags())
    for action in ("check", "remove"):
        ran = terminal.run("capture", action, "docs")
        assert (ran.code, "until 'docs' is made by `migrate`" in ran.err) == (2, True), ran.err
        assert terminal.run("capture", action, "docs", *terminal.flags()).code == 0


def test_what_a_lost_state_file_read_is_taken_over_by_a_word(terminal):
    terminal.source()
    terminal.run("capture", "install", "docs", *terminal.flags())
    [(state,)] = terminal.sql("old.db", "SELECT name FROM sqlite_schema WHERE name LIKE '%_state'")
    terminal.sql("old.db", f"UPDATE {state} SET token = token || '/lost'")
    for action in ("install", "remove"):
        ran = terminal.run("capture", action, "docs", *terminal.flags())
        assert (ran.code, "in another state file" in ran.err, "remove ID --taken" in ran.err) == (
            4,
            True,
            True,
        )
    assert terminal.run("capture", "remove", "docs", "--taken", *terminal.flags()).code == 0
    assert terminal.run("capture", "install", "docs", *terminal.flags()).code == 0


def test_what_is_wrong_fails_the_check(terminal):
    terminal.source()
    terminal.run("capture", "install", "docs", *terminal.flags())
    terminal.sql("old.db", "DROP TABLE docs")
    seen = terminal.run("capture", "check", "docs", *terminal.flags())
    assert seen.code == 1
    assert "problem: the table docs was dropped or renamed" in seen.out


def test_what_cannot_be_meant(terminal):
    terminal.source()
    for words, told in (
        (["capture"], "needs ACTION"),
        (["capture", "instal", "docs"], "did you mean install?"),
        (["capture", "install"], "needs ID"),
        (["capture", "check", "docs"], "there are missing"),
        (["capture", "check", "docs", *terminal.flags(), "--way", "magic"], "one of auto, slot, outbox"),
        (["capture", "check", "docs", *terminal.flags(), "--way", "slot"], "sqlite has no option 'capture'"),
    ):
        ran = terminal.run(*words)
        assert ran.code == 2, words
        assert told in ran.err
