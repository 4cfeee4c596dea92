from vectormigrate.model.access import Scope


def test_each_scope_holds_those_below_it():
    allowed = {(one, other): one.allows(other) for one in Scope for other in Scope}
    assert [pair for pair, yes in allowed.items() if yes] == [
        ("read", "read"),
        ("operate", "read"),
        ("operate", "operate"),
        ("admin", "read"),
        ("admin", "operate"),
        ("admin", "admin"),
    ]
