"""The DOC commands against a server by redis-py, in both protocols: the example of docs/documents.md, and what both protocols reply.

usage: doc_commands.py PORT
"""

import json
import sys

import redis


def example(r: redis.Redis) -> None:
    doc = r.execute_command
    doc("DOC.CREATE", "people")
    doc("DOC.CREATEINDEX", "people", "address.city", "hash")
    doc("DOC.CREATEINDEX", "people", "age", "sorted")
    doc("DOC.CREATEINDEX", "people", "langs", "array")
    doc("DOC.CREATEINDEX", "people", "mail", "unique")

    ada = {"name": "Ada", "age": 36, "mail": "ada@x.org", "address": {"city": "London"}, "langs": ["en", "fr"]}
    doc("DOC.SET", "people", "ada", json.dumps(ada))
    doc(
        "DOC.MSET",
        "people",
        "bob",
        '{"name":"Bob","age":41,"mail":"bob@x.org","address":{"city":"Paris"},"langs":["fr"]}',
        "eve",
        '{"name":"Eve","age":29,"mail":"eve@x.org","address":{"city":"London"}}',
    )

    found = doc("DOC.FIND", "people", "WHERE", "address.city = 'London' AND age > 30", "PROJECT", "name")
    assert found == ['{"name":"Ada"}'], found
    assert doc("DOC.COUNT", "people", "WHERE", "langs CONTAINS 'fr'") == 2
    oldest = doc("DOC.FIND", "people", "ORDER", "BY", "age", "DESC", "LIMIT", 1, "PROJECT", "name", "WITHIDS")
    assert oldest == [["bob", '{"name":"Bob"}']], oldest

    doc("DOC.UPDATE", "people", "eve", "INCR", "age", 1, "PUSH", "langs", '"de"', "SET", "address.zip", '"N1"')
    try:
        doc("DOC.UPDATE", "people", "eve", "SET", "mail", '"bob@x.org"')
        raise AssertionError("a value is there twice")
    except redis.ResponseError as error:
        assert "must be unique" in str(error)

    cursor, names = "0", []
    while True:
        cursor, page = doc("DOC.FIND", "people", "ORDER", "BY", "name", "LIMIT", 2, "CURSOR", cursor, "WITHIDS")
        names += [name for name, document in page]
        if cursor == "0":
            break
    assert names == ["ada", "bob", "eve"], names


def pairs(reply: object) -> dict:
    """A map, which is a list in RESP2."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2]))


def replies(r: redis.Redis) -> None:
    doc = r.execute_command
    info = pairs(doc("DOC.INFO", "people"))
    assert (info["name"], info["doc_count"], info["compression"]) == ("people", 3, "balanced"), info
    assert [pairs(index)["type"] for index in info["indexes"]] == ["hash", "sorted", "array", "unique"]
    plan = pairs(doc("DOC.EXPLAIN", "people", "WHERE", "age > 30 AND name = 'Bob'"))
    assert (plan["documents"], plan["actual"]) == (3, 1), plan
    assert [pairs(term)["use"] for term in plan["terms"]] == ["index", "look"], plan
    storage = pairs(doc("DOC.STORAGE", "people"))
    assert storage["min_doc_bytes"] <= storage["avg_doc_bytes"] <= storage["max_doc_bytes"]
    fields = [pairs(field)["path"] for field in pairs(doc("DOC.DICTINFO", "people"))["fields"]]
    assert fields == ["address.city", "address.zip", "age", "langs", "mail", "name"], fields
    assert doc("DOC.INFO", "nothing") is None and doc("DOC.DROP", "nothing") == 0
    assert doc("DOC.SET", "people", "ada", "{}", "NX") is None
    assert doc("DOC.MGET", "people", "nobody", "bob")[0] is None
    with r.pipeline() as p:
        p.execute_command("DOC.SET", "people", "zoe", '{"age":30.0}')
        p.execute_command("DOC.FIND", "people", "WHERE", "age = 30", "PROJECT", "age", "ORDER", "BY", "name")
        assert p.execute() == ["OK", ['{"age":30}', '{"age":30.0}']]
    ids = [doc("DOC.INSERT", "people", "{}") for _ in range(50)]
    assert len(set(ids)) == 50
    assert doc("DOC.DELETE", "people", "WHERE", "NOT name EXISTS") == 51
    assert doc("DOC.DROP", "people") == 1 and r.dbsize() == 0


def vectors(r: redis.Redis) -> None:
    doc = r.execute_command
    doc("DOC.CREATE", "films")
    doc("DOC.CREATEINDEX", "films", "e", "vector", "DIM", 2, "DISTANCE_METRIC", "L2")
    doc("DOC.MSET", "films", "a", '{"e":[1,0],"n":1}', "b", '{"e":[0,2.5],"n":2}', "c", '{"n":3}')
    assert doc("DOC.INDEXES", "films") == [["e", "vector"]]
    found = doc("DOC.FIND", "films", "NEAREST", "e", 5, "[0,0]", "PROJECT", "n", "WITHIDS", "WITHDISTANCES")
    rows = [(name, document, float(distance)) for name, document, distance in found]
    assert rows == [("a", '{"n":1}', 1.0), ("b", '{"n":2}', 6.25)], found
    found = doc("DOC.FIND", "films", "WITHDISTANCES", "NEAREST", "e", 1, "[0,2]", "WHERE", "n > 0", "PROJECT", "n")
    assert [(document, float(distance)) for document, distance in found] == [('{"n":2}', 0.25)], found
    plan = pairs(doc("DOC.EXPLAIN", "films", "NEAREST", "e", 1, "[0,2]", "WHERE", "n > 0"))
    assert pairs(plan["nearest"])["algorithm"] == "HNSW", plan
    index = pairs(pairs(doc("DOC.INFO", "films"))["indexes"][0])
    assert (index["entries"], index["dim"], index["data_type"], index["m"]) == (2, 2, "FLOAT32", 16), index
    assert doc("DOC.DROPINDEX", "films", "e") == "OK" and doc("DOC.DROP", "films") == 1


def main() -> None:
    for protocol in (2, 3):
        r = redis.Redis(port=int(sys.argv[1]), protocol=protocol, decode_responses=True)
        r.flushall()
        example(r)
        replies(r)
        vectors(r)
        r.close()
    print("DOC commands: both protocols")


main()
