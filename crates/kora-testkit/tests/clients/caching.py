"""redis-py's client-side cache by its defaults: what it keeps is dropped when somebody else changes it.

usage: caching.py PORT [COUNT]

One thread reads through the cache while others write. What is in the cache after a moment is what the server holds.
"""

import random
import sys
import threading
import time

import redis
from redis.cache import CacheConfig

KEYS = 50
WRITERS = 3
SECONDS_MAX = 10


def settles(what: str, is_so) -> None:
    """Waits until something is so: a notice may still be on its way when its change is answered."""
    until = time.monotonic() + SECONDS_MAX
    while not is_so():
        assert time.monotonic() < until, what
        time.sleep(0.001)


def check_one(cached: redis.Redis, plain: redis.Redis) -> None:
    """What is read twice comes from the cache, until it changes."""
    plain.set("cached:one", "old")
    assert cached.get("cached:one") == "old"
    reads = plain.info("commandstats")["cmdstat_get"]["calls"]
    assert cached.get("cached:one") == "old"
    assert plain.info("commandstats")["cmdstat_get"]["calls"] == reads, "the second read is the cache's"
    plain.set("cached:one", "new")
    settles("a change is heard of", lambda: cached.get("cached:one") == "new")
    plain.hset("cached:hash", mapping={"a": "1", "b": "2"})
    assert cached.hget("cached:hash", "a") == "1" and cached.hlen("cached:hash") == 2
    plain.delete("cached:hash")
    settles("a deletion is heard of", lambda: cached.hget("cached:hash", "a") is None)
    plain.set("cached:short", "x", px=50)
    cached.get("cached:short")
    settles("expiry is heard of", lambda: cached.get("cached:short") is None)
    plain.flushdb()
    settles("a flush is heard of", lambda: cached.get("cached:one") is None)


def write(plain: redis.Redis, count: int, seed: int) -> None:
    """Writes past the cache: numbers only grow."""
    choices = random.Random(seed)
    for _ in range(count):
        plain.incr(f"cached:{choices.randrange(KEYS)}")


def read(cached: redis.Redis, count: int) -> None:
    """Reads through the cache. Nothing is older than what was read before."""
    choices, seen = random.Random(0), [0] * KEYS
    for _ in range(count):
        at = choices.randrange(KEYS)
        value = int(cached.get(f"cached:{at}") or 0)
        assert value >= seen[at], f"cached:{at} was {seen[at]} and is {value}"
        seen[at] = value


def main() -> None:
    port = int(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    cached = redis.Redis(port=port, protocol=3, cache_config=CacheConfig(), decode_responses=True)
    plain = redis.Redis(port=port)
    plain.flushall()
    check_one(cached, plain)
    # One thread reads: connections of redis-py that share a cache read from each other's sockets, whichever server it is.
    writers = [
        threading.Thread(target=write, args=(redis.Redis(port=port), count // 4, seed)) for seed in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    read(cached, count)
    for writer in writers:
        writer.join()
    for at in range(KEYS):
        held = int(plain.get(f"cached:{at}") or 0)
        settles(f"cached:{at} is {held}", lambda: int(cached.get(f"cached:{at}") or 0) == held)
    assert cached.get_cache().size > 0
    print(f"{count} calls through redis-py's cache")


if __name__ == "__main__":
    main()
