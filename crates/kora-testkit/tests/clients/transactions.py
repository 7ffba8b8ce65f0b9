"""Transactions, scripts and functions with redis-py: money moves between accounts, and none is made or lost.

usage: transactions.py PORT [COUNT]

Processes move money by WATCH and MULTI, by a script, and by a function, all at the same time; the accounts lie wherever
their names put them. Observers add the accounts up all the while: any moment but a whole one gives another sum.
"""

import multiprocessing
import random
import sys
import time

import redis
from redis.exceptions import NoScriptError, ResponseError, WatchError

import crew

ACCOUNTS = 12
BALANCE = 1000
SECONDS_MAX = 180
NAMES = [f"account:{number}" for number in range(ACCOUNTS)]

MOVE = """
local held = tonumber(redis.call('GET', KEYS[1]))
local amount = tonumber(ARGV[1])
if held < amount then return redis.error_reply('POOR ' .. held) end
redis.call('DECRBY', KEYS[1], amount)
redis.call('INCRBY', KEYS[2], amount)
return {held - amount, redis.call('INCR', KEYS[3])}
"""

LIBRARY = """#!lua name=bank
local function move(keys, args)
  local held = tonumber(redis.call('GET', keys[1]))
  local amount = tonumber(args[1])
  if held < amount then return redis.error_reply('POOR ' .. held) end
  redis.call('DECRBY', keys[1], amount)
  redis.call('INCRBY', keys[2], amount)
  return {held - amount, redis.call('INCR', keys[3])}
end
local function sum(keys)
  local total = 0
  for _, value in ipairs(redis.call('MGET', unpack(keys))) do total = total + tonumber(value) end
  return total
end
redis.register_function('move', move)
redis.register_function{function_name = 'sum', callback = sum, flags = {'no-writes'}}
"""


# ---- ways to move money: each says whether it did

def by_watch(client: redis.Redis, source: str, target: str, amount: int) -> bool:
    with client.pipeline() as pipe:
        while True:
            try:
                pipe.watch(source, target)
                held, other = int(pipe.get(source)), int(pipe.get(target))
                if held < amount:
                    return False
                pipe.multi()
                pipe.set(source, held - amount).set(target, other + amount).incr("moves")
                assert pipe.execute()[:2] == [True, True]
                return True
            except WatchError:
                client.incr("conflicts")


def by_script(client: redis.Redis, source: str, target: str, amount: int) -> bool:
    return moved(client.register_script(MOVE), keys=[source, target, "moves"], args=[amount])


def by_function(client: redis.Redis, source: str, target: str, amount: int) -> bool:
    return moved(client.fcall, "move", 3, source, target, "moves", amount)


def moved(call: object, *arguments: object, **named: object) -> bool:
    try:
        left, number = call(*arguments, **named)
    except ResponseError as error:
        assert str(error).startswith("POOR "), error
        return False
    assert left >= 0 and number > 0
    return True


WAYS = [by_watch, by_watch, by_script, by_function]


def move(seed: int, count: int, changes: multiprocessing.Queue) -> None:
    rng = random.Random(seed)
    client = redis.Redis(port=crew.port(), protocol=2 + seed % 2)
    own = dict.fromkeys(NAMES, 0)
    for _ in range(count):
        source, target = rng.sample(NAMES, 2)
        amount = rng.randrange(1, BALANCE)
        while not WAYS[seed](client, source, target, amount):
            source, target = rng.sample(NAMES, 2)
            amount = rng.randrange(1, BALANCE)
        own[source] -= amount
        own[target] += amount
    changes.put(own)


def observe(seed: int, is_over: object, looks: object) -> None:
    """Adds all accounts up, by one command, by a transaction, by a script, and by a function."""
    client = redis.Redis(port=crew.port(), protocol=2 + seed)
    transaction = client.pipeline()
    script = "local t = 0 for _, k in ipairs(KEYS) do t = t + redis.call('GET', k) end return t"
    while not is_over.is_set():
        for name in NAMES:
            transaction.get(name)
        sums = [sum(map(int, values)) for values in (client.mget(NAMES), transaction.execute())]
        sums += [client.eval(script, ACCOUNTS, *NAMES), client.eval_ro(script, ACCOUNTS, *NAMES),
                 client.fcall_ro("sum", ACCOUNTS, *NAMES)]
        assert sums == [ACCOUNTS * BALANCE] * 5, sums
        with looks.get_lock():
            looks.value += 1


def bank(client: redis.Redis, count: int) -> tuple[int, int]:
    client.mset(dict.fromkeys(NAMES, BALANCE))
    client.mset({"moves": 0, "conflicts": 0})
    assert client.function_load(LIBRARY) == b"bank"
    changes, is_over, looks = multiprocessing.Queue(), multiprocessing.Event(), multiprocessing.Value("i", 0)
    observers = [multiprocessing.Process(target=observe, args=(n, is_over, looks), daemon=True) for n in range(2)]
    movers = [multiprocessing.Process(target=move, args=(n, count // len(WAYS), changes), daemon=True)
              for n in range(len(WAYS))]
    for process in [*observers, *movers]:
        process.start()
    expected = dict.fromkeys(NAMES, BALANCE)
    for _ in movers:
        for name, change in changes.get(timeout=SECONDS_MAX).items():
            expected[name] += change
    is_over.set()
    for process in [*observers, *movers]:
        process.join()
        assert process.exitcode == 0
    held = {name: int(value) for name, value in zip(NAMES, client.mget(NAMES), strict=True)}
    assert held == expected, "a move was lost or doubled"
    assert int(client.get("moves")) == count // len(WAYS) * len(WAYS)
    assert looks.value > 0
    return looks.value, int(client.get("conflicts"))


# ---- each rule for itself

def expect(kind: type[Exception], text: str, call: object, *arguments: object, **named: object) -> None:
    try:
        call(*arguments, **named)
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"{call} should have failed: {text}")


def queued(client: redis.Redis) -> None:
    with client.pipeline() as pipe:
        pipe.set("one", 1).incr("one").rpush("list", "a", "b").lrange("list", 0, -1).mget("one", "list", "none")
        assert pipe.execute() == [True, 2, 2, [b"a", b"b"], [b"2", None, None]]
        pipe.set("one", "text").incr("one").set("two", 2)
        replies = pipe.execute(raise_on_error=False)
        assert replies[0] is True and isinstance(replies[1], ResponseError) and replies[2] is True
        assert client.mget("one", "two") == [b"text", b"2"], "an error does not undo the others"
        pipe.set("one", "again").execute_command("GET").set("two", "again")
        expect(ResponseError, "wrong number of arguments for 'get' command", pipe.execute)
        assert client.mget("one", "two") == [b"text", b"2"], "what can't be queued ends the transaction"
        assert pipe.execute() == []


def watched(client: redis.Redis) -> None:
    other = redis.Redis(port=crew.port())
    changes = {
        "changed": lambda: other.set("watched", "new"),
        "set to what it was": lambda: other.set("watched", "old"),
        "gone": lambda: other.delete("watched"),
        "expired": lambda: (other.pexpire("watched", 1), crew.until(lambda: other.exists("watched") == 0)),
        "flushed": lambda: other.flushdb(),
        "renamed": lambda: other.rename("watched", "elsewhere"),
    }
    for change, make in changes.items():
        with client.pipeline() as pipe:
            client.set("watched", "old")
            pipe.watch("none", "watched")
            make()
            pipe.multi()
            pipe.set("result", change)
            expect(WatchError, "Watched variable changed", pipe.execute)
            assert client.get("result") is None, change
            pipe.watch("watched")
            other.set("watched", "new")
            pipe.unwatch()
            pipe.multi()
            assert pipe.set("result", change).execute() == [True], "what is no longer watched may change"
            client.delete("result")
    client.set("balance", 5)
    assert client.transaction(double, "balance") == [True] and client.get("balance") == b"10"


def double(pipe: redis.client.Pipeline) -> None:
    held = int(pipe.get("balance"))
    pipe.multi()
    pipe.set("balance", 2 * held)


def scripts(client: redis.Redis) -> None:
    script = client.register_script("return {KEYS[1], ARGV[1], redis.call('INCRBY', KEYS[1], ARGV[1])}")
    client.script_flush()
    assert client.script_exists(script.sha, "0" * 40) == [False, False]
    expect(NoScriptError, "No matching script", client.evalsha, script.sha, 1, "counter", 5)
    assert script(keys=["counter"], args=[5]) == [b"counter", b"5", 5], "it is sent again when it is not known"
    assert client.script_exists(script.sha, "0" * 40) == [True, False]
    client.script_flush()
    with client.pipeline() as pipe:
        script(keys=["counter"], args=[1], client=pipe)
        pipe.get("counter")
        assert pipe.execute() == [[b"counter", b"1", 6], b"6"]
    assert client.script_load("return 'loaded'") and client.eval("return 1.9", 0) == 1
    assert client.eval("return {1, 'two', false, {3}, nil, 5}", 0) == [1, b"two", None, [3]]
    assert client.eval("return cjson.encode({cjson.decode(ARGV[1]).a, cmsgpack.unpack(cmsgpack.pack(7))})", 0,
                       '{"a": [1, "x"]}') == b'[[1,"x"],7]'
    expect(ResponseError, "my own", client.eval, "return redis.error_reply('my own')", 0)
    expect(ResponseError, "WRONGTYPE", client.eval, "redis.call('SET', KEYS[1], 1) redis.call('LPOP', KEYS[1])", 1, "k")
    assert client.get("k") == b"1", "what a script did before it failed stays"
    assert client.eval("return redis.pcall('LPOP', KEYS[1]).err", 1, "k").startswith(b"WRONGTYPE")
    expect(ResponseError, "Write commands are not allowed", client.eval_ro, "return redis.call('SET', 'a', 1)", 0)


def functions(client: redis.Redis) -> None:
    expect(ResponseError, "Library 'bank' already exists", client.function_load, LIBRARY)
    assert client.function_load(LIBRARY, replace=True) == b"bank"
    expect(ResponseError, "Can not execute a script with write flag using *_ro command", client.fcall_ro, "move", 0)
    expect(ResponseError, "Function not found", client.fcall, "nothing", 0)
    dump = client.function_dump()
    assert client.function_flush() and client.function_list() == []
    assert client.function_restore(dump)
    assert client.fcall("sum", 2, *NAMES[:2]) == sum(map(int, client.mget(NAMES[:2])))
    assert client.function_delete("bank")
    expect(ResponseError, "Function not found", client.fcall, "sum", 0)


def main(count: int) -> None:
    client = redis.Redis(port=crew.port())
    client.flushall()
    client.function_flush()
    with crew.within(SECONDS_MAX):
        start = time.monotonic()
        looks, conflicts = bank(client, count)
        seconds = time.monotonic() - start
        functions(client)
        for protocol in (2, 3):
            client.flushall()
            for rule in (queued, watched, scripts):
                rule(redis.Redis(port=crew.port(), protocol=protocol))
                client.flushall()
    print(f"transactions: {count} moves in {seconds:.1f} s, {conflicts} conflicts, {looks} times added up, none lost")


if __name__ == "__main__":
    main(int(sys.argv[2]) if len(sys.argv) > 2 else 4000)
