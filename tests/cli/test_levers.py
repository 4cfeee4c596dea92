"""`throttle` and `set`, with nobody at work and with another process at it."""


def test_with_nobody_at_work_it_is_for_later(migrated):
    ran = migrated.run("throttle", "docs", "--max-rate", "500")
    assert ran.code == 0, ran.err
    assert "set      max-rate=500" in ran.out
    assert migrated.run("set", "docs", "workers=2", "--json").document["levers"] == {
        "max_rate": 500.0,
        "workers": 2,
    }
    assert migrated.run("set", "docs", "max-rate=none", "--json").document["levers"] == {"workers": 2}
    assert migrated.run("migrate", "docs", *migrated.flags()).code == 0  # the wish is still the same
    told = [row["verb"] for row in migrated.run("audit", "list", "--json").document["rows"]]
    assert told.count("set") == 3


def test_what_is_set_is_shown_and_taken_back(migrated):
    assert migrated.run("set", "docs", "rate=?").out == "max-rate = 0.0\n"
    could = migrated.run("set", "docs", "rate=9", "--dry-run")
    assert (could.code, "nothing was changed; max-rate would be 9.0, not 0.0" in could.out) == (0, True)
    assert migrated.run("throttle", "docs").code == 0
    assert migrated.run("throttle", "docs", "--throttle-cpu", "0.5", "--max-rate", "9").code == 0
    told = migrated.run("set", "docs")
    assert {"throttle-hold = True", "throttle-cpu = 0.5", "max-rate = 9.0"} <= set(told.out.splitlines())
    assert "set      max-rate=9, throttle-hold=true, throttle-cpu=0.5" in migrated.run("status", "docs").out
    assert migrated.run("unthrottle", "docs", "--json").document["levers"] == {}
    rows = migrated.run("audit", "list", "--json").document["rows"]
    assert [row["verb"] for row in rows].count("set") == 3  # to look is none


def test_a_copy_under_way_goes_by_it(terminal):
    """At one record a second it would not end before its time is up."""
    terminal.source(300)
    with terminal.copying("docs", *terminal.flags(), "--batch-size", "10", "--max-rate", "1") as process:
        ran = terminal.run("set", "docs", "batch-size=50", "--json")
        assert ran.code == 0, ran.err
        assert terminal.run("throttle", "docs").code == 0
        while (
            "throttled  operator: somebody asked for it" not in (told := terminal.run("status", "docs")).out
        ):
            assert process.poll() is None, told.err
        assert "throttled  rate: at most 1 records a second were asked for" in told.out
        assert terminal.run("unthrottle", "docs").code == 0
        assert terminal.run("throttle", "docs", "--max-rate", "0").code == 0
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "docs: verified" in out
    status = terminal.run("status", "docs", "--json").document
    assert status["batches"] < 20
    assert status["throttled"] == {}


def test_what_cannot_be_set_is_told_before_anything_is_looked_for(terminal):
    for words, told in (
        (("set", "docs", "mode=captured"), "cannot be set"),
        (("set", "docs", "throttle-window=soon"), "HH:MM-HH:MM"),
    ):
        ran = terminal.run(*words)
        assert ran.code == 2
        assert told in ran.err


def test_steps_wait_for_an_approval(terminal):
    terminal.source(20)
    flags = (*terminal.flags(), "--approval", "migrate", "--approval", "rollback")
    waits = terminal.run("migrate", "docs", *flags)
    assert waits.code == 4
    assert "vectormigrate approve docs migrate" in waits.err
    assert "waits    migrate" in terminal.run("status", "docs").out
    assert terminal.run("approve", "docs", "--json").document["approvals"][0]["step"] == "migrate"
    assert terminal.run("resume", "docs").code == 0
    assert terminal.run("rollback", "docs", "--dry-run").code == 0
    assert terminal.run("rollback", "docs", "--yes").code == 4
    assert terminal.run("approve", "docs", "rollback").code == 0
    assert "approved" in terminal.run("approvals").out
    assert terminal.run("rollback", "docs", "--yes").code == 0
    assert terminal.run("migrate", "other", *terminal.flags(), "--approval", "lunch").code == 2
