"""redis-py against a server: connects by its defaults, then runs its basic calls in both protocols.

usage: redis_py.py PORT; encrypted if KORA_CLIENTS_CA names the certificate of an authority
"""

import os
import sys

import redis


def check(client: redis.Redis) -> None:
    client.flushall()
    assert client.ping()
    strings(client)
    options_of_set(client)
    keys(client)
    pipelines(client)
    scans(client)
    assert client.info("server")["redis_version"]
    assert "maxmemory" in client.config_get("maxmemory*")


def strings(client: redis.Redis) -> None:
    assert client.set("key", "value") is True
    assert client.get("key") == b"value"
    assert client.get("missing") is None
    assert client.incrby("counter", 5) == 5
    assert client.incrbyfloat("float", 0.5) == 0.5
    assert client.append("key", "!") == 6
    assert client.strlen("key") == 6
    assert client.setrange("key", 0, "V") == 6
    assert client.getrange("key", 0, 2) == b"Val"
    assert client.mset({"a": 1, "b": 2}) is True
    assert client.msetnx({"a": 1, "z": 2}) is False
    assert client.mget("a", "b", "missing") == [b"1", b"2", None]
    assert client.getdel("key") == b"Value!"
    assert client.getex("a", ex=100) == b"1"
    client.mset({"{lcs}one": "ohmytext", "{lcs}two": "mynewtext"})
    assert client.lcs("{lcs}one", "{lcs}two") == b"mytext"
    try:
        client.incr("text" if client.set("text", "word") else "")
    except redis.ResponseError as error:
        assert str(error) == "value is not an integer or out of range", error
    else:
        raise AssertionError("a word is no integer")


def options_of_set(client: redis.Redis) -> None:
    assert client.set("option", "1", ex=100) and 99 <= client.ttl("option") <= 100
    assert client.set("option", "2", px=100_000, xx=True)
    assert client.set("option", "3", nx=True) is None
    assert client.set("option", "4", get=True) == b"2"
    assert client.ttl("option") == -1
    assert client.set("option", "5", exat=4_000_000_000) and client.expiretime("option") == 4_000_000_000
    assert client.set("option", "6", keepttl=True) and client.expiretime("option") == 4_000_000_000
    assert client.set("option", "7", pxat=4_000_000_000_123) and client.pexpiretime("option") == 4_000_000_000_123


def keys(client: redis.Redis) -> None:
    client.set("key", "value")
    assert client.exists("key", "key", "missing") == 2
    assert client.expire("key", 100) and client.expire("key", 50, gt=True) is False
    assert client.persist("key") and client.ttl("key") == -1
    assert client.rename("key", "other") and client.type("other") == b"string"
    assert client.copy("other", "key") and client.touch("key", "other") == 2
    assert client.object("encoding", "key") == b"embstr"
    assert client.delete("key", "missing") == 1 and client.unlink("other") == 1
    client.flushall()
    client.set("only", "key")
    assert client.randomkey() == b"only" and client.keys("o*") == [b"only"] and client.dbsize() == 1


def pipelines(client: redis.Redis) -> None:
    pipeline = client.pipeline(transaction=False)
    for index in range(10_000):
        pipeline.set(f"key:{index}", index)
    assert pipeline.execute() == [True] * 10_000
    pipeline.get("key:9999").incr("key:9999").get("key:9999")
    assert pipeline.execute() == [b"9999", 10_000, b"10000"]


def scans(client: redis.Redis) -> None:
    found = {int(name.split(b":")[1]) for name in client.scan_iter(match="key:*", count=100)}
    assert found == set(range(10_000))
    assert len(set(client.scan_iter(_type="string"))) == client.dbsize()


def main() -> None:
    port = int(sys.argv[1])
    authority = os.environ.get("KORA_CLIENTS_CA")
    way = {"ssl": True, "ssl_ca_certs": authority} if authority else {}
    check(redis.Redis(port=port, **way))
    for protocol in (2, 3):
        client = redis.Redis(port=port, protocol=protocol, client_name="tester", **way)
        check(client)
        mine = next(one for one in client.client_list() if one["id"] == str(client.client_id()))
        assert mine["name"] == "tester" and mine["resp"] == str(protocol), mine
        assert mine["lib-name"].startswith("redis-py"), mine
        assert client.client_setinfo("LIB-NAME", "mine") and client.client_info()["lib-name"] == "mine"
    print(f"redis-py {redis.__version__}: all calls as expected")


main()
