"""A leaderboard with redis-py: several writers, and readers whose answers are checked against a sorted list.

usage: leaderboard.py PORT [ROUNDS]
"""

import multiprocessing
import random
import sys

import redis

WRITERS = 4
PLAYERS_PER_WRITER = 500
BATCH = 50
BOARD = "board"


def player(writer: int, number: int) -> str:
    return f"player:{writer}:{number}"


def play(port: int, writer: int, rounds: int, scores: multiprocessing.Queue) -> None:
    """Adds points to the writer's own players; keeps count of them."""
    client = redis.Redis(port=port, decode_responses=True)
    rng = random.Random(writer)
    own = {player(writer, number): float(number % 7) for number in range(PLAYERS_PER_WRITER)}
    assert client.zadd(BOARD, own) == len(own)
    for _ in range(rounds):
        pipe = client.pipeline(transaction=False)
        expected = []
        for _ in range(BATCH):
            name = rng.choice(list(own))
            points = rng.randrange(-50, 100) / 4
            own[name] += points
            expected.append(own[name])
            pipe.zincrby(BOARD, points, name)
        assert pipe.execute() == expected
        check_while_others_play(client)
    scores.put(own)


def check_while_others_play(client: redis.Redis) -> None:
    """One reply is of one moment: it is in order whatever the others do."""
    top = client.zrange(BOARD, 0, 9, desc=True, withscores=True)
    assert len(top) == 10
    assert [score for _, score in top] == sorted((score for _, score in top), reverse=True)
    rank, score = client.zrank(BOARD, top[0][0], withscore=True)
    assert rank >= 0 and isinstance(score, float)


def check_at_rest(client: redis.Redis, scores: dict[str, float]) -> None:
    ordered = sorted(scores.items(), key=lambda entry: (entry[1], entry[0].encode()))
    assert client.zcard(BOARD) == len(ordered)
    assert client.zrange(BOARD, 0, -1, withscores=True) == ordered
    assert client.zrange(BOARD, 0, 99, desc=True, withscores=True) == ordered[::-1][:100]
    rng = random.Random(0)
    for rank in rng.sample(range(len(ordered)), 200):
        name, score = ordered[rank]
        assert client.zrank(BOARD, name) == rank
        assert client.zrevrank(BOARD, name) == len(ordered) - 1 - rank
        assert client.zscore(BOARD, name) == score
        assert client.zrange(BOARD, rank, rank) == [name]
    low, high = ordered[len(ordered) // 4][1], ordered[len(ordered) // 2][1]
    between = [name for name, score in ordered if low <= score < high]
    assert client.zcount(BOARD, low, f"({high}") == len(between)
    assert client.zrange(BOARD, low, f"({high}", byscore=True) == between
    assert client.zremrangebyrank(BOARD, 0, -101) == len(ordered) - 100
    assert client.zrange(BOARD, 0, -1, withscores=True) == ordered[-100:]


def main(port: int, rounds: int) -> None:
    client = redis.Redis(port=port, decode_responses=True)
    client.flushall()
    queue = multiprocessing.Queue()
    writers = [
        multiprocessing.Process(target=play, args=(port, writer, rounds, queue)) for writer in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    # A writer that failed puts nothing: that ends the wait.
    scores = {}
    for _ in writers:
        scores.update(queue.get(timeout=300))
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    check_at_rest(client, scores)
    print(f"leaderboard: {len(scores)} players, {WRITERS * rounds * BATCH} increments")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
