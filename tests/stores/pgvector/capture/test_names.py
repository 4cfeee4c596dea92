from vectormigrate.stores.pgvector.capture.names import PREFIX, TRIGGERS, Names


def test_each_owner_has_names_of_its_own_for_each_collection():
    roots = {Names.of(owner, table).root for owner in ("a", "ab") for table in ("bc", "c")}
    assert len(roots) == 4
    assert all(root.startswith(PREFIX) for root in roots)


def test_every_name_fits_however_long_what_it_is_for_is_called():
    names = Names.of("m" * 500, "t" * 500)
    every = [names.root, *(names.trigger(kind) for kind in TRIGGERS), names.slot(2**32 - 1)]
    assert all(len(name.strip('"')) <= 63 for name in every)
    assert len(set(every)) == len(every)


def test_a_slot_is_named_for_its_database():
    names = Names.of("m", "docs")
    assert names.slot(1) != names.slot(2)
