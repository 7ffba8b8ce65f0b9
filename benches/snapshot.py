#!/usr/bin/env python3
"""What a snapshot costs those who are served meanwhile, and how long its file takes to load.

usage: snapshot.py SERVER [--keys N] [--option WORD ...]

Starts SERVER (kora-server, redis-server or valkey-server) on a port and in a folder of its own, fills it with N keys of 16
bytes with values of 32, and measures the time of single GETs and SETs by four clients: quiet, and while BGSAVE goes on. Memory
is the proportional share of the server and its children. Then a second server loads the file.
"""
import argparse
import os
import random
import socket
import subprocess
import tempfile
import threading
import time

VALUE = b"v" * 32
FILLED_AT_ONCE = 2000


def command(*args):
    return b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(arg), arg) for arg in args)


def key(number):
    return b"key:%012d" % number


class Server:
    def __init__(self, program, folder, options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        fixed = ["--port", str(self.port), "--dir", folder, "--save", ""]
        self.process = subprocess.Popen([program, *fixed, *options], stdout=subprocess.DEVNULL)
        begun = time.time()
        while not self.answers():
            assert self.process.poll() is None, "the server has ended"
            time.sleep(0.02)
        self.start_seconds = time.time() - begun

    def answers(self):
        try:
            connection = self.connect()
        except OSError:
            return False
        connection.sendall(command(b"PING"))
        return connection.recv(64).startswith(b"+PONG")

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def memory_kib(self):
        total = 0
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                if self.process.pid in (int(process), parent):
                    with open(f"/proc/{process}/smaps_rollup") as shares:
                        total += next(int(line.split()[1]) for line in shares if line.startswith("Pss:"))
            except OSError:
                pass  # It has ended meanwhile.
        return total

    def end(self):
        self.process.terminate()
        self.process.wait()


def fill(connection, count):
    for first in range(0, count, FILLED_AT_ONCE):
        last = min(count, first + FILLED_AT_ONCE)
        connection.sendall(b"".join(command(b"SET", key(number), VALUE) for number in range(first, last)))
        left = (last - first) * len(b"+OK\r\n")
        while left > 0:
            left -= len(connection.recv(1 << 20))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--keys", type=int, default=5_000_000)
    parser.add_argument("--option", action="append", default=[])
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="snapshot-")
    server = Server(args.server, folder, args.option)
    control = server.connect()
    fill(control, args.keys)
    times, state = {"quiet": [], "BGSAVE": [], "after": []}, {"phase": "quiet"}

    def client(seed):
        choice, connection = random.Random(seed), server.connect()
        while state["phase"] != "after":
            name = key(choice.randrange(args.keys))
            request = command(b"SET", name, VALUE) if choice.random() < 0.5 else command(b"GET", name)
            phase, begun = state["phase"], time.perf_counter()
            connection.sendall(request)
            connection.recv(4096)
            times[phase].append(time.perf_counter() - begun)

    clients = [threading.Thread(target=client, args=(seed,)) for seed in range(4)]
    [thread.start() for thread in clients]
    time.sleep(8)
    before = peak = server.memory_kib()
    state["phase"], begun = "BGSAVE", time.time()
    control.sendall(command(b"BGSAVE"))
    control.recv(200)
    info = b""
    while b"rdb_bgsave_in_progress:0" not in info:
        time.sleep(0.1)
        peak = max(peak, server.memory_kib())
        control.sendall(command(b"INFO", b"persistence"))
        info = control.recv(65536)
    print(f"BGSAVE: {time.time() - begun:.2f} s, memory at most {peak / before:.3f} times")
    state["phase"] = "after"
    [thread.join() for thread in clients]
    for phase in ("quiet", "BGSAVE"):
        found = sorted(times[phase])
        shown = (f"p{100 * part:g} {1000 * found[int(len(found) * part)]:.3f} ms" for part in (0.5, 0.99, 0.999))
        print(f"{phase}: {len(found)} requests, {', '.join(shown)}")
    server.end()
    again = Server(args.server, folder, args.option)
    print(f"loading: {again.start_seconds:.2f} s")
    again.end()


main()
