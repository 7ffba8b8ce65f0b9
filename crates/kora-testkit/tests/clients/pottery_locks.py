"""Pottery against a server: Redlock, on three databases that stand for three servers too, and identifiers.

usage: pottery_locks.py PORT [COUNT]

The proof is a counter in a file that processes read, add to, and write back: two holders at a time would lose one.
"""

import multiprocessing
import pathlib
import sys
import tempfile
import time

import pottery
import redis

import crew

DATABASES = 3
PROCESSES = 4
SECONDS_MAX = 180


def masters() -> set[redis.Redis]:
    """Clients that differ only in their database; each is a server of its own to Pottery."""
    return {redis.Redis(port=crew.port(), db=number) for number in range(DATABASES)}


def contend(counter: pathlib.Path, rounds: int) -> None:
    # Of several servers Pottery does not wait for the last one's answer, and so may leave a lock there when it is done.
    lock = pottery.Redlock(key="guard", masters={redis.Redis(port=crew.port())}, auto_release_time=60)
    for _ in range(rounds):
        with lock:
            value = int(counter.read_text())
            time.sleep(0)
            counter.write_text(str(value + 1))


def exclusion(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        counter = pathlib.Path(folder, "counter")
        counter.write_text("0")
        crowd = [multiprocessing.Process(target=contend, args=(counter, count // PROCESSES), daemon=True)
                 for _ in range(PROCESSES)]
        for process in crowd:
            process.start()
        for process in crowd:
            process.join()
            assert process.exitcode == 0
        assert int(counter.read_text()) == count // PROCESSES * PROCESSES, counter.read_text()
    assert all(master.dbsize() == 0 for master in masters()), "who is done leaves nothing"


def draw(count: int, drawn: multiprocessing.Queue) -> None:
    identifiers = pottery.NextID(key="ids", masters=masters(), num_tries=100)
    drawn.put([next(identifiers) for _ in range(count)])


def identifiers(count: int) -> None:
    drawn = multiprocessing.Queue()
    arguments = (count // PROCESSES, drawn)
    crowd = [multiprocessing.Process(target=draw, args=arguments, daemon=True) for _ in range(PROCESSES)]
    for process in crowd:
        process.start()
    lists = [drawn.get(timeout=SECONDS_MAX) for _ in crowd]
    assert all(one == sorted(one) for one in lists), "they grow"
    every = [number for one in lists for number in one]
    assert len(set(every)) == len(every) == count // PROCESSES * PROCESSES, "none is drawn twice"


def ownership() -> None:
    servers = sorted(masters(), key=lambda master: master.connection_pool.connection_kwargs["db"])
    for master in servers:
        master.flushdb()
    mine = pottery.Redlock(key="owned", masters=set(servers), auto_release_time=30)
    yours = pottery.Redlock(key="owned", masters=set(servers), auto_release_time=30)
    assert mine.acquire() and 28 < mine.locked() <= 30
    crew.until(lambda: all(master.dbsize() == 1 for master in servers))
    assert not yours.acquire(blocking=False) and not yours.locked()
    [name] = servers[0].keys()
    servers[0].delete(name)
    assert mine.locked(), "two of three still know it"
    mine.extend()
    servers[1].set(name, "another's")
    assert not mine.locked(), "one of three does not suffice"
    try:
        mine.release()
    except pottery.ReleaseUnlockedLock:
        pass
    else:
        raise AssertionError("it had lost the lock")
    assert servers[1].get(name) == b"another's" and servers[2].get(name) is None


def main(count: int) -> None:
    for master in masters():
        master.flushdb()
    with crew.within(SECONDS_MAX):
        start = time.monotonic()
        exclusion(count)
        seconds = time.monotonic() - start
        identifiers(count // 4)
        ownership()
    print(f"pottery: {count} times held by one of {PROCESSES} in {seconds:.1f} s, never by two; identifiers unique")


if __name__ == "__main__":
    main(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
