from tests.daemon.test_vec import qortex_file


def test_vectors_are_moved_by_the_words_of_qortex(terminal):
    qortex_file(terminal.directory / ".qortex.db")
    terminal.environ["QORTEX_VEC_PATH"] = str(terminal.directory / ".qortex.db")
    ran = terminal.run("vec", "--from", "sqlite", "--to", "memory", "--batch-size", "5")
    assert (ran.code, ran.out.startswith("sqlite to memory: 12 vectors of 12 copied")) == (0, True)
    dry = terminal.run("vec", "--from", "sqlite", "--to", "memory", "--dry-run", "--json").document
    assert (dry["vectors_read"], dry["vectors_written"]) == (12, 0)
    for words, told in (
        (("vec",), "needs --from"),
        (("vec", "--from", "sqlite"), "where to is not said"),
        (("vec", "--from", "sqlite", "--to", "sqlite"), "are the same"),
        (("vec", "--from", "sqlite", "--to", "memory", "--batch-size", "0"), "from 1 to 10,000"),
    ):
        ran = terminal.run(*words)
        assert (ran.code, told in ran.err) == (2, True), ran.err
