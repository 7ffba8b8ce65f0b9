"""redis-py's locks against a server: what a lock guards is done by one at a time, whoever contends.

usage: locks.py PORT [COUNT]

The proof is a counter in a file that processes and threads read, add to, and write back: two at a time would lose one.
The file is none of the server's, so a lock that lets two in can't hide it.
"""

import multiprocessing
import os
import pathlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable

import redis
from redis.exceptions import LockError, LockNotOwnedError

import crew

PROCESSES = 4
THREADS = 2
SECONDS_MAX = 180


def client(**options: object) -> redis.Redis:
    return redis.Redis(port=crew.port(), **options)


def add_one(counter: pathlib.Path) -> None:
    """Reads, yields to whoever else runs, and writes: nothing makes this one step."""
    value = int(counter.read_text())
    time.sleep(0)
    counter.write_text(str(value + 1))


def contend(counter: pathlib.Path, rounds: int) -> None:
    connection = client()
    for _ in range(rounds):
        with connection.lock("guard", timeout=60, sleep=0.001):
            add_one(counter)


def contend_in_threads(counter: pathlib.Path, rounds: int) -> None:
    threads = [threading.Thread(target=contend, args=(counter, rounds)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def exclusion(count: int) -> None:
    rounds = count // (PROCESSES * THREADS)
    with tempfile.TemporaryDirectory() as folder:
        counter = pathlib.Path(folder, "counter")
        counter.write_text("0")
        arguments = (counter, rounds)
        crowd = [multiprocessing.Process(target=contend_in_threads, args=arguments, daemon=True)
                 for _ in range(PROCESSES)]
        for process in crowd:
            process.start()
        for process in crowd:
            process.join()
            assert process.exitcode == 0
        assert int(counter.read_text()) == rounds * PROCESSES * THREADS, counter.read_text()
    assert client().exists("guard") == 0, "who is done leaves nothing"


def dies_holding() -> None:
    client().lock("inherited", timeout=1).acquire()
    os._exit(0)


def expiry() -> None:
    """A lock whose owner died is free once its time is over, and not before."""
    process = multiprocessing.Process(target=dies_holding)
    start = time.monotonic()
    process.start()
    process.join()
    lock = client().lock("inherited", timeout=5, sleep=0.01)
    assert not lock.acquire(blocking=False)
    assert lock.acquire(blocking_timeout=10)
    assert time.monotonic() - start >= 1
    lock.release()


def expect(kind: type[Exception], call: Callable, *arguments: object) -> None:
    try:
        call(*arguments)
    except kind:
        return
    raise AssertionError(f"{call} should have failed")


def ownership(connection: redis.Redis) -> None:
    mine, yours = connection.lock("owned", timeout=100), connection.lock("owned", timeout=100)
    assert mine.acquire(blocking=False) and mine.owned() and mine.locked()
    assert not yours.acquire(blocking=False) and not yours.owned() and yours.locked()
    expect(LockError, yours.release)
    yours.local.token = b"forged"
    expect(LockNotOwnedError, yours.release)
    yours.local.token = b"forged"
    expect(LockNotOwnedError, yours.extend, 10)
    expect(LockNotOwnedError, yours.reacquire)
    assert mine.owned() and 95_000 < connection.pttl("owned") <= 100_000, "none of that touched it"
    connection.set("owned", "taken")
    expect(LockNotOwnedError, mine.release)
    assert connection.get("owned") == b"taken"
    connection.delete("owned")


def extensions(connection: redis.Redis) -> None:
    lock = connection.lock("extended", timeout=10)
    with lock:
        assert lock.extend(20) and 29_000 < connection.pttl("extended") <= 30_000
        assert lock.extend(50, replace_ttl=True) and 49_000 < connection.pttl("extended") <= 50_000
        assert lock.reacquire() and 9_000 < connection.pttl("extended") <= 10_000
    assert connection.exists("extended") == 0
    endless = connection.lock("endless")
    with endless:
        assert connection.ttl("endless") == -1
        expect(LockError, endless.extend, 10)
        expect(LockError, endless.reacquire)
    short = connection.lock("short", timeout=0.05)
    assert short.acquire()
    crew.until(lambda: connection.exists("short") == 0)
    expect(LockNotOwnedError, short.extend, 10)
    expect(LockNotOwnedError, short.reacquire)
    expect(LockNotOwnedError, short.release)


def scripts_are_gone(connection: redis.Redis) -> None:
    """Locks call scripts by their digest. A server that forgot them is sent them again."""
    with connection.lock("flushed", timeout=10) as lock:
        connection.script_flush()
        assert lock.extend(10)
        connection.script_flush()
        assert lock.reacquire()
        connection.script_flush()
    assert connection.exists("flushed") == 0


def main(count: int) -> None:
    client().flushall()
    with crew.within(SECONDS_MAX):
        start = time.monotonic()
        exclusion(count)
        seconds = time.monotonic() - start
        expiry()
        for protocol in (2, 3):
            connection = client(protocol=protocol)
            ownership(connection)
            extensions(connection)
            scripts_are_gone(connection)
    print(f"redis-py's locks: {count} times held by one of {PROCESSES * THREADS} in {seconds:.1f} s, never by two")


if __name__ == "__main__":
    main(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
