"""The package `limits` against a server: of many calls at once, as many pass as the limit says, by every strategy.

usage: limits_calls.py PORT [COUNT]
"""

import asyncio
import concurrent.futures
import sys
import time

import limits
import redis
from limits import strategies
from limits.aio import storage as async_storage
from limits.aio import strategies as async_strategies

import crew

SECONDS_MAX = 120
THREADS = 8
STRATEGIES = (
    strategies.FixedWindowRateLimiter, strategies.MovingWindowRateLimiter, strategies.SlidingWindowCounterRateLimiter)


def storage() -> limits.storage.Storage:
    return limits.storage.storage_from_string(f"redis://127.0.0.1:{crew.port()}")


def outlast(seconds: int) -> None:
    """Waits for a window's first tenth: fixed windows begin by the clock."""
    while time.time() % seconds > seconds / 10:
        time.sleep(0.01)


def at_once(kind: type, count: int) -> None:
    """Calls from threads, half of them too many."""
    limit = limits.RateLimitItemPerDay(count // 2)
    limiter = kind(storage())
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        passed = list(pool.map(lambda _: limiter.hit(limit, kind.__name__, "user"), range(count)))
    assert sum(passed) == count // 2, (kind, sum(passed))
    assert not limiter.test(limit, kind.__name__, "user") and limiter.hit(limit, kind.__name__, "other")
    reset, remaining = limiter.get_window_stats(limit, kind.__name__, "user")
    assert remaining == 0 and time.time() < reset <= time.time() + 2 * 86_400
    limiter.clear(limit, kind.__name__, "user")
    assert limiter.get_window_stats(limit, kind.__name__, "user").remaining == count // 2
    assert limiter.hit(limit, kind.__name__, "user", cost=count // 2)
    assert not limiter.hit(limit, kind.__name__, "user")


def windows() -> None:
    """A window's end lets calls through again: at once, one by one, or by its weight."""
    limit = limits.RateLimitItemPerSecond(10, 2)
    for kind in STRATEGIES:
        limiter = kind(storage())
        outlast(2)
        name = ("window", kind.__name__)
        assert sum(limiter.hit(limit, *name) for _ in range(20)) == 10
        time.sleep(2.1)
        again = sum(limiter.hit(limit, *name) for _ in range(20))
        # The sliding counter still weighs the calls of the window before.
        bounds = (0, 10) if kind is strategies.SlidingWindowCounterRateLimiter else (10, 10)
        assert bounds[0] <= again <= bounds[1], (kind, again)
        time.sleep(4.1)
        assert sum(limiter.hit(limit, *name) for _ in range(20)) == 10


def moves() -> None:
    """A moving window forgets each call when its time is over."""
    limiter = strategies.MovingWindowRateLimiter(storage())
    limit = limits.RateLimitItemPerSecond(4, 2)
    assert limiter.hit(limit, "moves", cost=2)
    time.sleep(1.2)
    assert limiter.hit(limit, "moves", cost=2) and not limiter.hit(limit, "moves")
    time.sleep(1)
    assert limiter.get_window_stats(limit, "moves").remaining == 2
    assert limiter.hit(limit, "moves", cost=2) and not limiter.hit(limit, "moves")


def storage_calls(client: redis.Redis) -> None:
    kept = storage()
    assert kept.check() and kept.incr("LIMITS:counter", 100, amount=3) == 3 and kept.incr("LIMITS:counter", 100) == 4
    assert kept.get("LIMITS:counter") == 4 and kept.get_expiry("LIMITS:counter") <= time.time() + 100
    kept.clear("LIMITS:counter")
    assert kept.get("LIMITS:counter") == 0
    client.set("mine", "stays")
    for number in range(100):
        kept.incr(f"LIMITS:many/{number}", 100)
    assert kept.reset() >= 100, "it deletes all that it put there"
    assert client.keys("LIMITS:*") == [] and client.get("mine") == b"stays"


async def asynchronous(count: int) -> None:
    kept = async_storage.RedisStorage(f"async+redis://127.0.0.1:{crew.port()}", implementation="redispy")
    for kind in (async_strategies.FixedWindowRateLimiter, async_strategies.MovingWindowRateLimiter,
                 async_strategies.SlidingWindowCounterRateLimiter):
        limiter = kind(kept)
        limit = limits.RateLimitItemPerDay(count // 2)
        passed = await asyncio.gather(*(limiter.hit(limit, "async", kind.__name__) for _ in range(count)))
        assert sum(passed) == count // 2


def main(count: int) -> None:
    client = redis.Redis(port=crew.port())
    client.flushall()
    with crew.within(SECONDS_MAX):
        for kind in STRATEGIES:
            at_once(kind, count)
        asyncio.run(asynchronous(100))
        windows()
        moves()
        storage_calls(client)
    print(f"limits {limits.__version__}: {count} calls at once by {len(STRATEGIES)} strategies, as many passed "
          "as allowed")


if __name__ == "__main__":
    main(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
