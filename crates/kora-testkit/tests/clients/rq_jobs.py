"""RQ against a server: jobs, results, retries, dependencies, schedules, priorities and limits, with three workers.

usage: rq_jobs.py PORT [COUNT]
"""

import datetime
import sys
import time

import redis
import rq
from rq.job import JobStatus

import crew

SECONDS_MAX = 300


# ---- what workers do

def square(number: int) -> int:
    crew.record(f"square {number}")
    return number * number


def fail_first(name: str) -> str:
    if crew.is_first(name):
        raise ValueError("the first try fails")
    return "the second try"


def fail(name: str) -> None:
    crew.record(name)
    raise ValueError("always")


def total(numbers: list[int]) -> int:
    """Adds up the results of the jobs that this one waited for."""
    job = rq.get_current_job()
    crew.record("total")
    assert sorted(one.return_value() for one in job.fetch_dependencies()) == sorted(numbers)
    return sum(numbers)


def note(name: str) -> None:
    crew.record(name)


def hold(name: str) -> None:
    """Takes a while, and says when it began and when it ended."""
    crew.record(f"{name} began")
    time.sleep(0.1)
    crew.record(f"{name} ended")


def work(kind: str) -> None:
    client = redis.Redis(port=crew.port())
    if kind == "simple":
        rq.SimpleWorker(["high", "bulk"], connection=client).work(logging_level="WARNING")
    else:
        rq.Worker(["forked"], connection=client).work(logging_level="WARNING", with_scheduler=True)


# ---- what is asked of them

def bulk(client: redis.Redis, team: crew.Crew, count: int) -> None:
    queue = rq.Queue("bulk", connection=client)
    half = count // 2
    jobs = [queue.enqueue("rq_jobs.square", number) for number in range(half)]
    for start in range(half, count, 100):
        numbers = range(start, min(start + 100, count))
        jobs += queue.enqueue_many([rq.Queue.prepare_data("rq_jobs.square", (number,)) for number in numbers])
    crew.until(lambda: queue.finished_job_registry.count >= count)
    runs = team.runs()
    assert all(runs[f"square {number}"] == 1 for number in range(count)), "each ran once"
    for number, job in enumerate(jobs):
        assert job.get_status() is JobStatus.FINISHED and job.return_value() == number * number
    assert queue.count == 0 and queue.started_job_registry.count == 0 and queue.failed_job_registry.count == 0


def retries(queue: rq.Queue, team: crew.Crew) -> None:
    again = [queue.enqueue("rq_jobs.fail_first", f"retry {number}", retry=rq.Retry(max=2)) for number in range(10)]
    never = queue.enqueue("rq_jobs.fail", "hopeless", retry=rq.Retry(max=2))
    later = queue.enqueue("rq_jobs.fail_first", "patient", retry=rq.Retry(max=1, interval=1))
    jobs = [*again, never, later]
    crew.until(lambda: all(job.get_status() in (JobStatus.FINISHED, JobStatus.FAILED) for job in jobs))
    assert all(job.return_value() == "the second try" for job in [*again, later])
    assert never.is_failed and "ValueError: always" in never.latest_result().exc_string
    assert queue.failed_job_registry.get_job_ids() == [never.id]
    runs = team.runs()
    assert all(runs[f"retry {number}"] == 2 for number in range(10)) and runs["patient"] == 2
    assert runs["hopeless"] == 3


def dependencies(queue: rq.Queue, team: crew.Crew) -> None:
    numbers = list(range(1000, 1010))
    parents = [queue.enqueue("rq_jobs.square", number) for number in numbers]
    child = queue.enqueue("rq_jobs.total", [number * number for number in numbers], depends_on=parents)
    grandchild = queue.enqueue("rq_jobs.note", "grandchild", depends_on=child)
    orphan = queue.enqueue("rq_jobs.note", "orphan", depends_on=queue.enqueue("rq_jobs.fail", "no parent"))
    crew.until(lambda: grandchild.is_finished)
    order = team.order()
    assert child.return_value() == sum(number * number for number in numbers)
    assert all(order.index(f"square {number}") < order.index("total") for number in numbers)
    assert order.index("total") < order.index("grandchild")
    assert orphan.get_status() is JobStatus.DEFERRED and "orphan" not in order
    orphan.delete()


def schedules(queue: rq.Queue, team: crew.Crew) -> None:
    start = time.time()
    delay = datetime.timedelta(seconds=2)
    jobs = [queue.enqueue_in(delay, "rq_jobs.note", f"later {number}") for number in range(20)]
    gone = queue.enqueue_in(delay, "rq_jobs.note", "cancelled")
    assert queue.scheduled_job_registry.count == 21
    gone.cancel()
    crew.until(lambda: all(job.is_finished for job in jobs))
    runs, times = team.runs(), team.times()
    # The scheduler counts in whole seconds.
    assert all(runs[f"later {number}"] == 1 and times[f"later {number}"] >= start + 1 for number in range(20))
    assert runs["cancelled"] == 0 and queue.scheduled_job_registry.count == 0


def uniques_and_limits(client: redis.Redis, team: crew.Crew) -> None:
    queue = rq.Queue("bulk", connection=client)
    first = queue.enqueue("rq_jobs.hold", "only", job_id="only", unique=True)
    try:
        queue.enqueue("rq_jobs.hold", "only", job_id="only", unique=True)
    except rq.exceptions.DuplicateJobError:
        pass
    else:
        raise AssertionError("a job of that name is there")
    narrow = rq.rate_limit.RateLimit("narrow", 1)
    jobs = [queue.enqueue("rq_jobs.hold", f"narrow {number}", rate_limit=narrow) for number in range(5)]
    crew.until(lambda: first.is_finished and all(job.is_finished for job in jobs))
    assert team.runs()["only began"] == 1
    # Two workers are free, but one such job runs at a time.
    order = [name.split() for name in team.order() if name.startswith("narrow")]
    assert sorted(number for _, number, _ in order[::2]) == [str(number) for number in range(5)]
    for began, ended in zip(order[::2], order[1::2], strict=True):
        assert began == ["narrow", ended[1], "began"] and ended[2] == "ended", order


def priorities(client: redis.Redis, team: crew.Crew) -> None:
    """Workers that wait prefer the queue that they name first, and what is put in front goes first."""
    high, low = rq.Queue("high", connection=client), rq.Queue("bulk", connection=client)
    for name in rq.Worker.all(connection=client):
        rq.command.send_shutdown_command(client, name.name)
    crew.until(lambda: all(process.poll() is not None for process in team.processes))
    low.enqueue("rq_jobs.note", "low second")
    low.enqueue("rq_jobs.note", "low first", at_front=True)
    high.enqueue("rq_jobs.note", "high")
    last = low.enqueue("rq_jobs.note", "low last")
    team.start(["-m", "rq_jobs", "worker", "simple"])
    crew.until(lambda: last.is_finished)
    assert team.order()[-4:] == ["high", "low first", "low second", "low last"]


def main(count: int) -> None:
    client = redis.Redis(port=crew.port())
    client.flushall()
    kinds = ["simple", "simple", "forked"]
    with crew.within(SECONDS_MAX), crew.Crew(["-m", "rq_jobs", "worker", kind] for kind in kinds) as team:
        start = time.monotonic()
        bulk(client, team, count)
        rate = count / (time.monotonic() - start)
        forked = rq.Queue("forked", connection=client)
        retries(forked, team)
        dependencies(forked, team)
        schedules(forked, team)
        uniques_and_limits(client, team)
        priorities(client, team)
    assert rq.Worker.count(connection=client) == 0, "workers sign off"
    print(f"rq {rq.__version__}: {count} jobs ({rate:.0f}/s), each done once; retries, dependencies, schedules, limits")


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        work(sys.argv[2])
    else:
        crew.port()
        main(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
