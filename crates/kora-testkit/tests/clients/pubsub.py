"""Publish and subscribe with redis-py: each message once, in the order its publisher sent it, to everyone connected.

usage: pubsub.py PORT [COUNT]

Publishers send numbers to several channels, one by one, pipelined, and in transactions. Subscribers listen to channels,
to patterns, to both, in both protocols. One comes and goes: what it gets in between has no gap.
"""

import collections
import multiprocessing
import sys
import threading
import time

import redis

import crew

PUBLISHERS = 3
CHANNELS = 4
SECONDS_MAX = 180
NAMES = [f"news:{number}" for number in range(CHANNELS)]

# What a subscriber asks for: channels, patterns, protocol.
INTERESTS = [
    (NAMES, [], 2),
    (NAMES, [], 3),
    ([], ["news:*"], 2),
    ([], ["news:*"], 3),
    (NAMES[:1], ["news:[1-3]"], 2),
    (NAMES, ["*:*", "news:?"], 3),
]


def copies(channels: list[str], patterns: list[str], channel: str) -> int:
    """How often a subscriber gets a message: once for the channel and once for each pattern that it matches."""
    number = channel[-1]
    matches = {"news:*": True, "*:*": True, "news:?": True, "news:[1-3]": number in ("1", "2", "3")}
    return (channel in channels) + sum(matches[pattern] for pattern in patterns)


def receivers(channel: str) -> int:
    return sum(copies(channels, patterns, channel) for channels, patterns, _ in INTERESTS)


# ---- publishers

def publish(publisher: int, count: int) -> None:
    client = redis.Redis(port=crew.port(), protocol=2 + publisher % 2)
    sent = 0
    while sent < count:
        batch = range(sent, min(sent + [1, 20, 50][sent % 3], count))
        pipe = client.pipeline(transaction=len(batch) == 20)
        for number in batch:
            pipe.publish(NAMES[number * 7 % CHANNELS], f"{publisher} {number}")
        got = pipe.execute()
        # The one that comes and goes may be among those that got it.
        for number, reached in zip(batch, got, strict=True):
            assert reached - receivers(NAMES[number * 7 % CHANNELS]) in (0, 1), reached
        sent = batch[-1] + 1


# ---- subscribers

def listen(interest: tuple, count: int, ready: multiprocessing.Barrier) -> None:
    channels, patterns, protocol = interest
    listener = redis.Redis(port=crew.port(), protocol=protocol, decode_responses=True).pubsub()
    if channels:
        listener.subscribe(*channels)
    if patterns:
        listener.psubscribe(*patterns)
    for index, name in enumerate([*channels, *patterns], 1):
        answer = next(listener.listen())
        assert answer["channel"] == name and answer["data"] == index and answer["type"].endswith("subscribe"), answer
    ready.wait()
    expected = sum(copies(channels, patterns, NAMES[number * 7 % CHANNELS]) for number in range(count))
    seen = collections.defaultdict(list)
    for _ in range(expected * PUBLISHERS):
        message = next(listener.listen())
        publisher, number = map(int, message["data"].split())
        assert message["channel"] == NAMES[number * 7 % CHANNELS], message
        assert (message["type"], message["pattern"]) in kinds(channels, patterns), message
        seen[publisher, message["pattern"]].append(number)
    for publisher in range(PUBLISHERS):
        for _, pattern in kinds(channels, patterns):
            asked = (channels, []) if pattern is None else ([], [pattern])
            wanted = [number for number in range(count) if copies(*asked, NAMES[number * 7 % CHANNELS])]
            assert seen[publisher, pattern] == wanted, f"{interest}: not in order, or not once"
    assert listener.get_message(timeout=0.3) is None, "nothing comes twice"
    leave(listener, channels, patterns)


def kinds(channels: list[str], patterns: list[str]) -> list[tuple]:
    return [("message", None)] * bool(channels) + [("pmessage", pattern) for pattern in patterns]


def leave(listener: redis.client.PubSub, channels: list[str], patterns: list[str]) -> None:
    listener.ping()
    # In RESP2 the answer looks like a message, in RESP3 like any other answer.
    assert listener.parse_response(block=True) in (["pong", ""], "PONG")
    if channels:
        listener.unsubscribe()
    if patterns:
        listener.punsubscribe()
    left = [next(listener.listen()) for _ in [*channels, *patterns]]
    assert sorted(answer["channel"] for answer in left) == sorted([*channels, *patterns])
    assert left[-1]["data"] == 0 and not listener.subscribed


def come_and_go(is_over: threading.Event, visits: list[int]) -> None:
    """While it is subscribed, the numbers of each publisher follow one another."""
    listener = redis.Redis(port=crew.port(), protocol=3, decode_responses=True).pubsub()
    while not is_over.is_set():
        listener.psubscribe("news:*")
        assert next(listener.listen())["type"] == "psubscribe"
        last: dict[str, int] = {}
        visits.append(0)
        for turn in range(50):
            if turn == 30:
                listener.punsubscribe()
            message = listener.get_message(timeout=0.05)
            if message is None or message["type"] != "pmessage":
                continue
            publisher, number = message["data"].split()
            assert int(number) == last.get(publisher, int(number) - 1) + 1, (last, message)
            last[publisher] = int(number)
            visits[-1] += 1
        while listener.subscribed:
            listener.get_message(timeout=0.05)


# ---- the whole

def deliveries(client: redis.Redis, count: int) -> int:
    ready = multiprocessing.Barrier(len(INTERESTS) + 1)
    listeners = [multiprocessing.Process(target=listen, args=(one, count, ready), daemon=True) for one in INTERESTS]
    for process in listeners:
        process.start()
    ready.wait(30)
    assert sorted(client.pubsub_channels("news:*")) == sorted(NAMES)
    by_name = {name: sum(name in channels for channels, _, _ in INTERESTS) for name in NAMES}
    assert dict(client.pubsub_numsub(*NAMES)) == by_name
    assert client.pubsub_numpat() == 4, "patterns that someone listens to, each counted once"
    is_over, visits = threading.Event(), []
    visitor = threading.Thread(target=come_and_go, args=(is_over, visits), daemon=True)
    visitor.start()
    publishers = [
        multiprocessing.Process(target=publish, args=(number, count), daemon=True) for number in range(PUBLISHERS)]
    for process in publishers:
        process.start()
    for process in [*publishers, *listeners]:
        process.join()
        assert process.exitcode == 0
    assert visitor.is_alive(), "the visitor failed"
    is_over.set()
    visitor.join()
    assert sum(visits) > 0, "the visitor heard something"
    crew.until(lambda: client.pubsub_channels() == [] and client.pubsub_numpat() == 0)
    return len(visits)


def shards(client: redis.Redis) -> None:
    listener = client.pubsub()
    listener.ssubscribe("shard:1", "shard:2")
    crew.until(lambda: client.pubsub_shardnumsub("shard:1", "shard:2") == [("shard:1", 1), ("shard:2", 1)])
    assert client.spublish("shard:1", "one") == 1 and client.publish("shard:1", "none") == 0
    got = [listener.get_sharded_message(timeout=5) for _ in range(3)]
    assert [message["type"] for message in got] == ["ssubscribe", "ssubscribe", "smessage"] and got[2]["data"] == "one"
    listener.sunsubscribe()
    crew.until(lambda: client.pubsub_shardchannels() == [])


def handlers(client: redis.Redis) -> None:
    """A thread of redis-py's own calls functions of the program; a killed connection is made and subscribed again."""
    heard = []
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(**{"calls": lambda message: heard.append(message["data"])})
    thread = listener.run_in_thread(sleep_time=0.05, daemon=True)
    crew.until(lambda: client.publish("calls", "first") == 1)
    crew.until(lambda: heard == ["first"])
    assert client.client_kill_filter(_type="pubsub") == 1
    crew.until(lambda: client.publish("calls", "second") == 1)
    crew.until(lambda: heard == ["first", "second"])
    thread.stop()
    thread.join()


def main(count: int) -> None:
    client = redis.Redis(port=crew.port(), decode_responses=True)
    client.flushall()
    with crew.within(SECONDS_MAX):
        start = time.monotonic()
        visits = deliveries(client, count)
        seconds = time.monotonic() - start
        for protocol in (2, 3):
            other = redis.Redis(port=crew.port(), protocol=protocol, decode_responses=True)
            shards(other)
            handlers(other)
    messages = PUBLISHERS * sum(receivers(NAMES[number * 7 % CHANNELS]) for number in range(count))
    print(f"pubsub: {messages} messages heard in {seconds:.1f} s, each once and in order; {visits} visits "
          "without a gap")


if __name__ == "__main__":
    main(int(sys.argv[2]) if len(sys.argv) > 2 else 5000)
