"""The part of GraphQL that reads objects."""

import json

import pytest

from vectormigrate.stores.weaviate.wire.graphql import NoQuery, classes_of, parse

QUERY = """
query Named {
  Get {  # the usual
    some: Article(limit: 3, where: {path: ["n"], operator: Equal, valueInt: -1}, nearVector: {vector: [1, -2.5e1]}) {
      title, author { ... on Author { name } }
      _additional { id }
    }
  }
}
"""


def test_a_query_is_read_whole():
    [get] = parse(QUERY)
    [article] = get.fields
    assert (get.name, article.name, article.key) == ("Get", "Article", "some")
    assert article.arguments == {
        "limit": 3,
        "where": {"path": ["n"], "operator": "Equal", "valueInt": -1},
        "nearVector": {"vector": [1, -25.0]},
    }
    title, author, additional = article.fields
    assert title.key == "title"
    assert [one.name for one in author.on["Author"]] == ["name"]
    assert [one.name for one in additional.fields] == ["id"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\"b\n"', 'a"b\n'),
        ('"""a "quoted" word"""', 'a "quoted" word'),
        ("true", True),
        ("null", None),
        ("WORD", "WORD"),
        ("[]", []),
        ("{a: {b: [1]}}", {"a": {"b": [1]}}),
    ],
)
def test_values(text, value):
    [get] = parse(f"{{Get{{C(x:{text}){{a}}}}}}")
    assert get.fields[0].arguments == {"x": value}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{Get{",
        "{Get{C(",
        "{Get{C(a 1){b}}}",
        "mutation {a}",
        "{a} {b}",
        "{Get{C(a:%){b}}}",
        '{G{C(a:"\n"){b}}}',
    ],
)
def test_what_is_none_is_told(text):
    with pytest.raises(NoQuery, match="Syntax Error"):
        parse(text)


def test_whose_objects_a_request_is_about():
    one = {"query": '{Get{A(tenant:"t"){x} B{x}}}'}
    assert classes_of(json.dumps(one).encode()) == [("A", "t"), ("B", "")]
    assert classes_of(json.dumps([one, one]).encode()) == [("A", "t"), ("B", "")] * 2
    for strange in (b"{", b"[1]", b'{"query": 1}'):
        with pytest.raises(NoQuery):
            classes_of(strange)
