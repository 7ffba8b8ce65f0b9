"""redis-py's JSON commands against a server, in both protocols, and the example of docs/documents.md.

usage: documents.py PORT
"""

import sys

import redis


def example(r: redis.Redis) -> None:
    r.json().set("user:1", "$", {"name": "Ada", "langs": ["en"], "visits": 1})
    r.json().numincrby("user:1", "$.visits", 1)
    r.json().arrappend("user:1", "$.langs", "fr")
    assert r.json().get("user:1", "$.langs[*]") == ["en", "fr"]
    assert r.json().get("user:1", "$.visits") == [2]


def commands(r: redis.Redis) -> None:
    document = {"a": 1, "list": [1, 2.5, "x", None], "nested": {"a": True, "text": "é"}, "exact": 2**63}
    json = r.json()
    assert json.set("d", "$", document)
    assert json.get("d") == document
    assert json.get("d", "$..a") == [1, True]
    assert json.set("d", "$.a", 2, nx=True) is None
    assert json.set("d", "$.a", 2, xx=True)
    assert json.strlen("d", "$..text") == [2]
    assert json.arrindex("d", "$.list", "x") == [2]
    assert json.arrinsert("d", "$.list", 0, 0) == [5]
    assert json.arrpop("d", "$.list") == [None]
    assert json.arrtrim("d", "$.list", 0, 1) == [2]
    assert json.toggle("d", "$.nested.a") == [False]
    assert json.objkeys("d", "$.nested") == [["a", "text"]]
    assert json.merge("d", "$", {"nested": {"text": None}, "more": 1})
    assert json.clear("d", "$.list") == 1
    assert json.delete("d", "$.exact") == 1
    assert json.get("d") == {"a": 2, "list": [], "nested": {"a": False}, "more": 1}
    assert json.mset([(f"many:{n}", "$", n) for n in range(20)])
    assert json.mget([f"many:{n}" for n in range(20)], "$") == [[n] for n in range(20)]
    assert r.type("d") == "ReJSON-RL"
    with r.pipeline(transaction=True) as pipeline:
        pipeline.json().set("p", "$", [])
        pipeline.json().arrappend("p", "$", 1, 2)
        pipeline.json().get("p")
        assert pipeline.execute() == [True, [2], [1, 2]]
    try:
        json.numincrby("nothing", "$", 1)
        raise AssertionError("a key that is not there")
    except redis.ResponseError as error:
        assert "doesn't exist" in str(error)


for protocol in (2, 3):
    client = redis.Redis(port=int(sys.argv[1]), protocol=protocol, decode_responses=True)
    client.flushall()
    example(client)
    commands(client)
print("documents: both protocols")
