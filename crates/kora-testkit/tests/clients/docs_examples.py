"""The Python examples of docs/documents.md, docs/search.md and docs/vectors.md run as they stand, each on an empty server.

usage: docs_examples.py PORT
"""
import pathlib
import re
import sys

import redis

PAGES = ["documents.md", "search.md", "vectors.md"]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main(port):
    client = redis.Redis(port=port)
    docs = pathlib.Path(__file__).resolve().parents[4] / "docs"
    count = 0
    for page in PAGES:
        text = (docs / page).read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            client.flushall()
            # The examples are for a server on the usual port.
            code = block[1].replace("redis.Redis(", f"redis.Redis(port={port}, ").replace(":6379", f":{port}")
            line = text.count("\n", 0, block.start(1))
            exec(compile("\n" * line + code, str(docs / page), "exec"), {"__name__": "__example__"})
            count += 1
    assert count >= len(PAGES), f"only {count} examples"


main(int(sys.argv[1]))
