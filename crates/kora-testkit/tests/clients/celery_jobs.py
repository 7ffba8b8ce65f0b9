"""Celery against a server that is its broker (kombu's Redis transport) and its result backend.

usage: celery_jobs.py PORT [COUNT]

Tasks, retries, chains, chords, countdowns, priorities, remote control, and a worker that is killed: what it had not
acknowledged goes to another once the visibility time-out is over.
"""

import logging
import os
import sys
import time

import celery
import redis
from celery.exceptions import TimeoutError as ResultTimeout

import crew

SECONDS_MAX = 300
VISIBLE_SECONDS = 8

app = celery.Celery(
    "celery_jobs", broker=f"redis://127.0.0.1:{crew.port()}/0", backend=f"redis://127.0.0.1:{crew.port()}/1")
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": VISIBLE_SECONDS, "unacked_restore_interval": 1, "unacked_restore_throttle": 1},
    result_extended=True,
    task_track_started=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
)


# ---- what workers do

@app.task
def square(number: int) -> int:
    crew.record(f"square {number}")
    return number * number


@app.task
def add(left: int, right: int) -> int:
    return left + right


@app.task
def total(numbers: list[int], name: str) -> int:
    crew.record(f"total {name}")
    return sum(numbers)


@app.task(autoretry_for=(ValueError,), max_retries=2, default_retry_delay=0.5)
def fail_first(name: str) -> str:
    if crew.is_first(name):
        raise ValueError("the first try fails")
    return "the second try"


@app.task
def fail() -> None:
    raise LookupError("always")


@app.task
def note(name: str) -> str:
    crew.record(name)
    return name


@app.task(acks_late=True)
def hold(name: str) -> str:
    """Never ends while the file `wait` is in the worker's folder."""
    crew.record(f"{name} began")
    while os.path.exists("wait"):
        time.sleep(0.02)
    crew.record(f"{name} ended")
    return name


def worker(queue: str, width: int, *options: str) -> list[str]:
    return ["-m", "celery", "-A", "celery_jobs", "worker", "--loglevel", "ERROR", "-Q", queue,
            "--concurrency", str(width), "--hostname", f"{queue}@local", *options]


# ---- what is asked of them

def bulk(team: crew.Crew, count: int) -> None:
    results = [square.delay(number) for number in range(count)]
    for number, result in enumerate(results):
        assert result.get(timeout=60) == number * number
    runs = team.runs()
    assert all(runs[f"square {number}"] == 1 for number in range(count)), "each ran once"
    assert results[0].state == "SUCCESS" and results[0].args == [0]
    results[0].forget()
    assert app.AsyncResult(results[0].id).state == "PENDING"


def retries(team: crew.Crew) -> None:
    results = [fail_first.delay(f"retry {number}") for number in range(20)]
    assert all(result.get(timeout=30) == "the second try" for result in results)
    assert all(team.runs()[f"retry {number}"] == 2 for number in range(20))
    wrong = fail.delay()
    try:
        wrong.get(timeout=30)
    except LookupError as error:
        assert error.args == ("always",)
    else:
        raise AssertionError("it always fails")


def compositions(team: crew.Crew) -> None:
    assert celery.chain(add.s(1, 2), add.s(10), add.s(100)).delay().get(timeout=30) == 113
    numbers = [range(10_000 + 20 * one, 10_020 + 20 * one) for one in range(10)]
    squares = [[number * number for number in some] for some in numbers]
    groups = [celery.group(square.s(number) for number in some).apply_async() for some in numbers]
    assert [group.get(timeout=60) for group in groups] == squares
    chords = [celery.chord([square.s(number) for number in some], total.s(f"of {one}")).delay()
              for one, some in enumerate(numbers)]
    assert [chord.get(timeout=60) for chord in chords] == [sum(some) for some in squares]
    assert all(team.runs()[f"total of {one}"] == 1 for one in range(10)), "a chord's end runs once"


def countdowns(team: crew.Crew, count: int) -> None:
    start = time.time()
    results = [note.apply_async((f"later {n}",), countdown=1 + n % 5 / 10) for n in range(count)]
    assert [result.get(timeout=60) for result in results] == [f"later {n}" for n in range(count)]
    runs, times = team.runs(), team.times()
    assert all(runs[f"later {n}"] == 1 and times[f"later {n}"] >= start + 1 + n % 5 / 10 for n in range(count))


def control(team: crew.Crew) -> None:
    """Workers answer to broadcasts; one that is told of a revoked task does not run it."""
    assert {name: reply for one in app.control.ping(timeout=3) for name, reply in one.items()} == {
        "first@local": {"ok": "pong"}, "second@local": {"ok": "pong"}}
    assert "celery_jobs.square" in app.control.inspect(timeout=3).registered()["first@local"]
    revoked = note.apply_async(("revoked",), countdown=2)
    revoked.revoke()
    try:
        revoked.get(timeout=20)
    except celery.exceptions.TaskRevokedError:
        pass
    assert revoked.state == "REVOKED" and team.runs()["revoked"] == 0


def priorities(team: crew.Crew) -> None:
    """Kombu keeps a list per step of priority and asks for all of them, the most urgent first."""
    steps = [9, 0, 6, 3]
    names = [(step, f"step {step} {n}") for n in range(5) for step in steps]
    results = [note.apply_async((name,), queue="ranked", priority=step) for step, name in names]
    team.start(worker("ranked", 1, "--pool", "solo", "--without-gossip", "--without-mingle"))
    for result, (_, name) in zip(results, names, strict=True):
        assert result.get(timeout=60) == name
    order = [name for name in team.order() if name.startswith("step")]
    assert order == [name for _, name in sorted(names)], order


def killed(team: crew.Crew) -> None:
    """A worker dies holding tasks: another does them, and those that were still in the queue."""
    wait = os.path.join(team.folder.name, "wait")
    open(wait, "w").close()
    victim = team.start(worker("slow", 2))
    results = [hold.apply_async((f"held {n}",), queue="slow") for n in range(6)]
    crew.until(lambda: sum(name.endswith("began") for name in team.order()) == 2)
    try:
        results[0].get(timeout=0.5)
    except ResultTimeout:
        pass
    team.kill(victim)
    os.unlink(wait)
    team.start(worker("slow", 2))
    assert [result.get(timeout=120) for result in results] == [f"held {n}" for n in range(6)]
    runs = team.runs()
    assert sum(runs[f"held {n} began"] for n in range(6)) == 8, "two began twice"
    assert all(runs[f"held {n} ended"] == 1 for n in range(6))


def main(count: int) -> None:
    # A killed worker's greeting fails while it is found out: kombu logs that, and goes on.
    logging.getLogger("celery").setLevel(logging.CRITICAL)
    client = redis.Redis(port=crew.port())
    client.flushall()
    commands = [["-m", "celery", "-A", "celery_jobs", "worker", "--loglevel", "ERROR", "--concurrency", "2",
                 "--hostname", f"{name}@local"] for name in ("first", "second")]
    with crew.within(SECONDS_MAX), crew.Crew(commands) as team:
        start = time.monotonic()
        bulk(team, count)
        rate = count / (time.monotonic() - start)
        retries(team)
        compositions(team)
        countdowns(team, max(10, count // 10))
        control(team)
        priorities(team)
        killed(team)
        crew.until(lambda: client.hlen("unacked") == 0)
    print(f"celery {celery.__version__}: {count} tasks ({rate:.0f}/s), each done once; chords, countdowns, priorities, "
          f"control, and a killed worker's tasks")


if __name__ == "__main__":
    # Tasks are known by their module's name, which here is not the one under which workers import it.
    import celery_jobs

    celery_jobs.main(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
