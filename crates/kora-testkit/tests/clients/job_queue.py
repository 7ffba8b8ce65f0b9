"""A reliable queue with redis-py: no job is lost, whoever dies.

usage: job_queue.py PORT [JOBS]

Producers push jobs to one list. A consumer moves a job to a list of its own, does it, and only then removes it from
there. Consumers are killed at random; what their lists hold goes back to the queue. A job may be done twice, but each
is done: a bitmap says which were.
"""

import multiprocessing
import os
import random
import signal
import sys
import time

import redis

PRODUCERS = 4
CONSUMERS = 4
BATCH = 100
SECONDS_MAX = 600


def produce(port: int, first: int, end: int) -> None:
    client = redis.Redis(port=port)
    for start in range(first, end, BATCH):
        client.lpush("queue", *range(start, min(start + BATCH, end)))


def consume(port: int, own: str) -> None:
    client = redis.Redis(port=port)
    while True:
        job = client.blmove("queue", own, 5, "RIGHT", "LEFT")
        if job is None:
            continue
        done = client.pipeline(transaction=False)
        done.setbit("done", int(job), 1)
        done.incr("times")
        done.lrem(own, 1, job)
        assert done.execute()[2] == 1, f"{own} lost {job}"


class Consumers:
    """The consumers that live, and the lists of those that were killed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.started = 0
        self.living: list[tuple[multiprocessing.Process, str]] = []
        self.orphaned: list[str] = []
        for _ in range(CONSUMERS):
            self.start()

    def start(self) -> None:
        self.started += 1
        own = f"processing:{self.started}"
        process = multiprocessing.Process(target=consume, args=(self.port, own), daemon=True)
        process.start()
        self.living.append((process, own))

    def kill_one(self) -> None:
        process, own = self.living.pop(random.randrange(len(self.living)))
        assert process.is_alive(), f"the consumer of {own} failed"
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        self.orphaned.append(own)

    def give_back(self, client: redis.Redis) -> int:
        """What the dead left goes to the queue. One may have been handed a job in the moment it died."""
        count = 0
        for own in self.orphaned:
            while client.lmove(own, "queue", "LEFT", "RIGHT") is not None:
                count += 1
        return count

    def stop(self) -> None:
        for process, _ in self.living:
            process.kill()
            process.join()


def main(port: int, jobs: int) -> None:
    random.seed(1)
    client = redis.Redis(port=port)
    client.flushall()
    client.setbit("done", jobs - 1, 0)
    start = time.monotonic()
    share = -(-jobs // PRODUCERS)
    producers = [
        multiprocessing.Process(target=produce, args=(port, first, min(first + share, jobs)))
        for first in range(0, jobs, share)
    ]
    for producer in producers:
        producer.start()
    consumers = Consumers(port)
    killed = returned = 0
    while client.bitcount("done") < jobs:
        assert time.monotonic() - start < SECONDS_MAX, f"{jobs - client.bitcount('done')} jobs are not done"
        time.sleep(random.uniform(0.05, 0.3))
        consumers.kill_one()
        killed += 1
        returned += consumers.give_back(client)
        consumers.start()
    for producer in producers:
        producer.join()
        assert producer.exitcode == 0
    while client.llen("queue") > 0 or any(client.llen(own) > 0 for _, own in consumers.living):
        time.sleep(0.05)
    consumers.stop()
    times = int(client.get("times"))
    assert jobs <= times <= jobs + returned, (jobs, times, returned)
    seconds = time.monotonic() - start
    print(f"queue: {jobs} jobs done, {killed} consumers killed, {returned} jobs returned, "
          f"{times - jobs} done twice, {seconds:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
