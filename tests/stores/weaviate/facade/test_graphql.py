"""GraphQL: what `Get` answers, and how everything else is refused."""

from __future__ import annotations

import pytest

from tests.stores.weaviate.facade.serving import IDS, Served


@pytest.fixture
async def served():
    served = Served()
    deep = {"name": "deep", "dataType": ["object"], "nestedProperties": [{"name": "a", "dataType": ["int"]}]}
    properties = [{"name": "title", "dataType": ["text"]}, {"name": "n", "dataType": ["number"]}, deep]
    await served.ask("POST", "/schema", {"class": "Article", "properties": properties})
    about = {"name": "about", "dataType": ["Article"]}
    await served.ask("POST", "/schema", {"class": "Note", "properties": [about]})
    for row in range(3):
        held = {"title": f"number {row}", "n": row, "deep": {"a": row}}
        body = {"class": "Article", "id": IDS[row], "properties": held, "vector": [1, row]}
        await served.ask("POST", "/objects", body)
    beacon = {"beacon": f"weaviate://localhost/Article/{IDS[1]}"}
    await served.ask("POST", "/objects", {"class": "Note", "id": IDS[5], "properties": {"about": [beacon]}})
    return served


async def test_by_id(served):
    told = await served.query(
        f'{{Get{{Article(where:{{path:["id"],operator:Equal,valueText:"{IDS[1]}"}}){{title n deep{{a}} _additional{{id vector}}}}}}}}'
    )
    additional = {"id": IDS[1], "vector": [1, 1]}
    assert told == {
        "Get": {"Article": [{"title": "number 1", "n": 1, "deep": {"a": 1}, "_additional": additional}]}
    }


async def test_near_a_vector_and_an_object(served):
    told = await served.query(
        "{Get{Article(limit:2,nearVector:{vector:[0,1],distance:0.9}){n _additional{distance certainty creationTimeUnix}}}}"
    )
    first, second = told["Get"]["Article"]
    assert (first["n"], second["n"]) == (2, 1)
    assert first["_additional"]["distance"] == pytest.approx(1 - 2 / 5**0.5)
    assert first["_additional"]["certainty"] == pytest.approx(0.5 + 1 / 5**0.5)
    assert first["_additional"]["creationTimeUnix"].isdecimal()
    near = f'{{Get{{some: Article(nearObject:{{id:"{IDS[2]}"}},limit:1){{title}}}}}}'
    assert await served.query(near) == {"Get": {"some": [{"title": "number 2"}]}}


async def test_lists_orders_and_references(served):
    told = await served.query(
        '{Get{Article(sort:{path:["n"],order:desc},limit:2,offset:1){n} Note{about{... on Article{title}}}}}'
    )
    assert told["Get"]["Article"] == [{"n": 1}, {"n": 0}]
    assert told["Get"]["Note"] == [{"about": [{"title": "number 1"}]}]
    after = await served.query(f'{{Get{{Article(after:"{IDS[1]}",limit:5){{n}}}}}}')
    assert after["Get"]["Article"] == [{"n": 2}]


async def test_texts_are_in_the_order_of_their_lower_case(served):
    titles = ["Xanthosoma", "wrench", "Ärmel", "ärger", "\u0130stanbul"]
    for row, title in enumerate(titles, 3):
        body = {"class": "Article", "id": IDS[row], "properties": {"title": title}, "vector": [1, row]}
        await served.ask("POST", "/objects", body)
    told = await served.query('{Get{Article(sort:{path:["title"]},limit:9){title}}}')
    found = [one["title"] for one in told["Get"]["Article"]]
    assert found == [
        "\u0130stanbul",
        "number 0",
        "number 1",
        "number 2",
        "wrench",
        "Xanthosoma",
        "ärger",
        "Ärmel",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{Get{", "Syntax Error"),
        ("{Aggregate{Article{meta{count}}}}", "a query for Aggregate"),
        ("{Get{Nope{a}}}", 'Cannot query field "Nope" on type "GetObjectsObj".'),
        ("{Get{Article{nope}}}", 'Cannot query field "nope" on type "Article".'),
        ('{Get{Article(bm25:{query:"a"}){n}}}', "a query with bm25"),
        ('{Get{Article(nearVector:{vector:[1,2],targetVectors:["a","b"]}){n}}}', "several vectors"),
        ("{Get{Article(nearVector:{vector:[1,2,3]}){n}}}", "vector lengths don't match"),
        ("{Get{Article{_additional{score}}}}", "'score' of an object"),
        ('{Get{Article(where:{path:["n"],operator:Near,valueInt:1}){n}}}', "unrecognized operator"),
        ('{Get{Article(limit:"x"){n}}}', "invalid literal"),
    ],
)
async def test_what_is_refused(served, text, said):
    assert said in await served.query(text)


async def test_several_at_once_and_variables(served):
    _, told = await served.ask("POST", "/graphql/batch", [{"query": "{Get{Article{n}}}"}, {"query": "{Get{"}])
    assert ["data" in one for one in told] == [True, False]
    _, told = await served.ask("POST", "/graphql", {"query": "{Get{Article{n}}}", "variables": {"a": 1}})
    assert "variables" in told["errors"][0]["message"]
