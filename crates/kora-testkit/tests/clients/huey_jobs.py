"""Huey against a server: a list and a sorted set as queues, results that are waited for, schedules, pipelines, locks.

usage: huey_jobs.py PORT [COUNT]
"""

import sys
import time

import huey
import redis
from huey.exceptions import TaskException

import crew

SECONDS_MAX = 300
LIMIT = 5

plain = huey.RedisHuey("plain", port=crew.port(), notify_result=True)
ranked = huey.PriorityRedisExpireHuey("ranked", port=crew.port(), expire_time=600)


# ---- what workers do

@plain.task()
def square(number: int) -> int:
    crew.record(f"square {number}")
    return number * number


@plain.task()
def add(left: int, right: int) -> int:
    return left + right


@plain.task()
def total(numbers: list[int]) -> int:
    crew.record("total")
    return sum(numbers)


@plain.task(retries=2, retry_delay=1)
def fail_first(name: str) -> str:
    if crew.is_first(name):
        raise ValueError("the first try fails")
    return "the second try"


@plain.task()
def note(name: str) -> str:
    crew.record(name)
    return name


@plain.task(retries=1_000_000)
@plain.lock_task("narrow", ttl=60)
def alone(name: str) -> None:
    """Runs while no other of its kind does; one that finds another tries again."""
    crew.record(f"narrow {name} began")
    time.sleep(0.02)
    crew.record(f"narrow {name} ended")


@plain.task()
def within_limit(name: str) -> str:
    with plain.rate_limit("limit", LIMIT, 36_000_000, retry=False):
        return name


@ranked.task()
def rank(name: str) -> str:
    crew.record(f"rank {name}")
    return name


# ---- what is asked of them

def bulk(team: crew.Crew, count: int) -> None:
    results = [square(number) for number in range(count)]
    for number, result in enumerate(results):
        assert result.get(blocking=True, timeout=60) == number * number
    runs = team.runs()
    assert all(runs[f"square {number}"] == 1 for number in range(count)), "each ran once"
    assert plain.pending_count() == 0 and plain.result_count() == 0, "a result that was read is gone"


def error_of(result: huey.api.Result) -> str:
    try:
        value = result.get(blocking=True, timeout=30)
    except TaskException as error:
        return str(error)
    raise AssertionError(f"it should have failed, but is {value}")


def retries_and_failures(team: crew.Crew) -> None:
    assert "TypeError" in error_of(add(1, "text"))
    result = fail_first("retry")
    assert "the first try fails" in error_of(result)
    result.reset()
    crew.until(result.is_ready)
    assert result.get() == "the second try"
    assert team.runs()["retry"] == 2


def schedules(team: crew.Crew, count: int) -> None:
    start = time.time()
    results = [note.schedule((f"later {number}",), delay=2) for number in range(count)]
    revoked = note.schedule(("revoked",), delay=1)
    revoked.revoke()
    assert [result.get(blocking=True, timeout=60) for result in results] == [f"later {n}" for n in range(count)]
    runs, times = team.runs(), team.times()
    assert all(runs[f"later {number}"] == 1 and times[f"later {number}"] >= start + 2 for number in range(count))
    assert runs["revoked"] == 0 and plain.scheduled_count() == 0


def compositions(team: crew.Crew) -> None:
    chain = add.s(1, 2).then(add, 10).then(add, 100)
    assert plain.enqueue(chain).get(blocking=True, timeout=30) == [3, 13, 113]
    chords = [huey.api.chord([square.s(10_000 + 10 * one + n) for n in range(10)], total.s()) for one in range(10)]
    handles = [plain.enqueue(chord) for chord in chords]
    for one, handle in enumerate(handles):
        numbers = [(10_000 + 10 * one + n) ** 2 for n in range(10)]
        assert list(handle.results.get(blocking=True, timeout=30)) == numbers
        assert handle.get(blocking=True, timeout=30) == sum(numbers)
    assert team.runs()["total"] == 10, "a chord's end runs once"


def locks(team: crew.Crew) -> None:
    for number in range(20):
        alone(str(number))
    crew.until(lambda: sum(name.endswith("ended") for name in team.order()) == 20)
    order = [name.split() for name in team.order() if name.startswith("narrow")]
    for began, ended in zip(order[::2], order[1::2], strict=True):
        assert began == ["narrow", ended[1], "began"] and ended[2] == "ended", order
    crew.until(lambda: not plain.is_locked("narrow"))


def limits() -> None:
    # The first call alone begins the window: Huey does not do that in one step.
    assert within_limit("first").get(blocking=True, timeout=30) == "first"
    results = [within_limit(str(number)) for number in range(3 * LIMIT)]
    allowed = 1
    for number, result in enumerate(results):
        try:
            assert result.get(blocking=True, timeout=30) == str(number)
            allowed += 1
        except TaskException as error:
            assert "RateLimitExceeded" in str(error), error
    assert allowed == LIMIT


def priorities(team: crew.Crew, count: int) -> None:
    """The tasks wait before the one worker of their queue starts: it takes them by rank, then in the order added."""
    tasks = [(number * 7 % 10, number) for number in range(count)]
    results = [rank(str(number), priority=priority) for priority, number in tasks]
    team.start(["-m", "huey.bin.huey_consumer", "huey_jobs.ranked", "-w", "1", "-q"])
    for (_, number), result in zip(tasks, results, strict=True):
        assert result.get(blocking=True, timeout=60) == str(number)
    order = [int(name.split()[1]) for name in team.order() if name.startswith("rank")]
    assert order == [number for _, number in sorted(tasks, key=lambda task: (-task[0], task[1]))]


def main(count: int) -> None:
    redis.Redis(port=crew.port()).flushall()
    consumer = ["-m", "huey.bin.huey_consumer", "huey_jobs.plain", "-s", "1", "-q", "-w", "2", "-k"]
    with crew.within(SECONDS_MAX), crew.Crew([[*consumer, "process"], [*consumer, "thread"]]) as team:
        start = time.monotonic()
        bulk(team, count)
        rate = count / (time.monotonic() - start)
        retries_and_failures(team)
        schedules(team, max(10, count // 10))
        compositions(team)
        locks(team)
        limits()
        priorities(team, max(20, count // 10))
    print(f"huey {huey.__version__}: {count} tasks ({rate:.0f}/s), each done once; schedules, chords, locks, "
          "priorities")


if __name__ == "__main__":
    # Tasks are known by their module's name, which here is not the one under which workers import it.
    import huey_jobs

    huey_jobs.main(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
