"""Dramatiq against a server: messages, results, retries, delays, groups, pipelines, dead letters and rate limiters.

usage: dramatiq_jobs.py PORT [COUNT]

The broker's one script names the keys that it touches itself, and a killed worker's messages go back to the queue only
by its maintenance: this checks that they do.
"""

import os
import sys
import time

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.rate_limits import BucketRateLimiter, ConcurrentRateLimiter, WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend as LimitsBackend
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend as ResultsBackend

import crew

SECONDS_MAX = 300
LIMIT = 5
HEARTBEAT_MS = 3000

# Maintenance is due in one command of ten, so that it happens within the run.
broker = RedisBroker(port=crew.port(), heartbeat_timeout=HEARTBEAT_MS, maintenance_chance=100_000)
broker.add_middleware(Results(backend=ResultsBackend(port=crew.port()), store_results=True))
broker.add_middleware(dramatiq.middleware.GroupCallbacks(LimitsBackend(port=crew.port())))
dramatiq.set_broker(broker)
limits = LimitsBackend(port=crew.port())


# ---- what workers do

@dramatiq.actor
def square(number: int) -> int:
    crew.record(f"square {number}")
    return number * number


@dramatiq.actor
def add(left: int, right: int) -> int:
    return left + right


@dramatiq.actor(max_retries=3, min_backoff=100, max_backoff=500)
def fail_first(name: str) -> str:
    if crew.is_first(name):
        raise ValueError("the first try fails")
    return "the second try"


@dramatiq.actor(max_retries=1, min_backoff=100, max_backoff=100, store_results=False)
def fail(name: str) -> None:
    crew.record(name)
    raise ValueError("always")


@dramatiq.actor
def note(name: str) -> str:
    crew.record(name)
    return name


@dramatiq.actor(max_retries=None, min_backoff=20, max_backoff=100)
def alone(name: str) -> str:
    """Runs while no other of its kind does; one that finds another tries again."""
    with ConcurrentRateLimiter(limits, "alone", limit=1).acquire():
        crew.record(f"alone {name} began")
        time.sleep(0.01)
        crew.record(f"alone {name} ended")
    return name


@dramatiq.actor(queue_name="slow", max_retries=0)
def hold(name: str) -> str:
    """Never ends while the file `wait` is in the worker's folder."""
    crew.record(f"{name} began")
    while os.path.exists("wait"):
        time.sleep(0.02)
    crew.record(f"{name} ended")
    return name


# ---- what is asked of them

def bulk(team: crew.Crew, count: int) -> None:
    messages = [square.send(number) for number in range(count)]
    for number, message in enumerate(messages):
        assert message.get_result(block=True, timeout=60_000) == number * number
    runs = team.runs()
    assert all(runs[f"square {number}"] == 1 for number in range(count)), "each ran once"


def retries(client: redis.Redis, team: crew.Crew) -> None:
    messages = [fail_first.send(f"retry {number}") for number in range(20)]
    hopeless = fail.send("hopeless")
    crew.until(lambda: all(team.runs()[f"retry {number}"] == 2 for number in range(20)))
    for message in messages:
        crew.until(lambda message=message: is_value(message, "the second try"))
    crew.until(lambda: client.zcard("dramatiq:default.XQ") == 1)
    assert team.runs()["hopeless"] == 2
    [(_, letter)] = client.hgetall("dramatiq:default.XQ.msgs").items()
    assert dramatiq.Message.decode(letter).args == ("hopeless",)
    assert dramatiq.Message.decode(letter).message_id == hopeless.message_id


def is_value(message: dramatiq.Message, value: object) -> bool:
    """The error of the first try is a result too, until the second comes."""
    try:
        return message.get_result(block=True, timeout=10_000) == value
    except dramatiq.results.ResultFailure:
        return False


def delays(team: crew.Crew, count: int) -> None:
    start = time.time()
    messages = [note.send_with_options(args=(f"later {n}",), delay=1000 + n % 500) for n in range(count)]
    for number, message in enumerate(messages):
        assert message.get_result(block=True, timeout=60_000) == f"later {number}"
    runs, times = team.runs(), team.times()
    assert all(runs[f"later {n}"] == 1 and times[f"later {n}"] >= start + 1 + n % 500 / 1000 for n in range(count))


def compositions(team: crew.Crew) -> None:
    pipes = [dramatiq.pipeline([add.message(number, 2), add.message(10), add.message(100)]).run()
             for number in range(10)]
    assert [pipe.get_result(block=True, timeout=30_000) for pipe in pipes] == [number + 112 for number in range(10)]
    for one in range(10):
        numbers = range(10_000 + 10 * one, 10_010 + 10 * one)
        group = dramatiq.group([square.message(number) for number in numbers])
        group.add_completion_callback(note.message(f"group {one}"))
        group.run()
        assert sorted(group.get_results(block=True, timeout=30_000)) == [number * number for number in numbers]
    crew.until(lambda: all(f"group {one}" in team.runs() for one in range(10)))
    runs, order = team.runs(), team.order()
    for one in range(10):
        assert runs[f"group {one}"] == 1, "a group ends once"
        ends = [order.index(f"square {number}") for number in range(10_000 + 10 * one, 10_010 + 10 * one)]
        assert max(ends) < order.index(f"group {one}")


def limiters(team: crew.Crew) -> None:
    for kind in (WindowRateLimiter(limits, "window", limit=LIMIT, window=60),
                 BucketRateLimiter(limits, "bucket", limit=LIMIT, bucket=60_000)):
        allowed = 0
        for _ in range(3 * LIMIT):
            with kind.acquire(raise_on_failure=False) as is_allowed:
                allowed += is_allowed
        assert allowed == LIMIT, (kind, allowed)
    for number in range(20):
        alone.send(str(number))
    crew.until(lambda: sum(name.endswith("ended") for name in team.order()) == 20)
    order = [name.split() for name in team.order() if name.startswith("alone")]
    for began, ended in zip(order[::2], order[1::2], strict=True):
        assert began == ["alone", ended[1], "began"] and ended[2] == "ended", order


def killed(team: crew.Crew) -> None:
    """A worker dies in the middle of its messages: others do them once its heart is found not to beat."""
    wait = os.path.join(team.folder.name, "wait")
    open(wait, "w").close()
    command = ["-m", "dramatiq", "dramatiq_jobs", "--processes", "1", "--threads", "2", "--queues", "slow"]
    victim = team.start(command)
    messages = [hold.send(f"held {number}") for number in range(10)]
    crew.until(lambda: team.runs()["held 0 began"] and team.runs()["held 1 began"])
    team.kill(victim)
    os.unlink(wait)
    team.start(command)
    assert [message.get_result(block=True, timeout=60_000) for message in messages] == [f"held {n}" for n in range(10)]
    runs = team.runs()
    assert [runs[f"held {number} began"] for number in range(10)] == [2, 2] + [1] * 8
    assert all(runs[f"held {number} ended"] == 1 for number in range(10))


def main(count: int) -> None:
    client = redis.Redis(port=crew.port())
    client.flushall()
    command = ["-m", "dramatiq", "dramatiq_jobs", "--processes", "2", "--threads", "4", "--queues", "default"]
    with crew.within(SECONDS_MAX), crew.Crew([command]) as team:
        start = time.monotonic()
        bulk(team, count)
        rate = count / (time.monotonic() - start)
        retries(client, team)
        delays(team, max(10, count // 10))
        compositions(team)
        limiters(team)
        killed(team)
        for queue in ("default", "slow"):
            crew.until(lambda queue=queue: broker.do_qsize(queue) == 0)
    print(f"dramatiq {dramatiq.__version__}: {count} messages ({rate:.0f}/s), each done once; delays, groups, "
          f"limits, and a killed worker's messages")


if __name__ == "__main__":
    # Workers import this module by its name; what it declares must be known once.
    import dramatiq_jobs

    dramatiq_jobs.main(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
