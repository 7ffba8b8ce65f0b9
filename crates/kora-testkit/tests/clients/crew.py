"""What the scripts of job queues share: worker processes, a record of what they ran, and a bound on the whole run.

The record is a file that workers append to, so what is counted is what ran, not what the server under test says. An
append of one short line is whole, whoever else appends.
"""

import collections
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator

TERM_SECONDS_MAX = 30


def port() -> int:
    """The server's port, in a worker as in the script itself."""
    if "CREW_PORT" not in os.environ:
        os.environ["CREW_PORT"] = sys.argv[1]
    return int(os.environ["CREW_PORT"])


def record(name: object) -> None:
    """Notes that something ran."""
    with open(os.environ["CREW_RECORD"], "ab", buffering=0) as file:
        file.write(f"{time.time()} {name}\n".encode())


def is_first(name: object) -> bool:
    """Notes that something ran, and says whether it did for the first time."""
    record(name)
    return noted(os.environ["CREW_RECORD"]).count(str(name)) == 1


def noted(path: str) -> list[str]:
    return [line.split(" ", 1)[1] for line in pathlib.Path(path).read_text().splitlines()]


class Crew:
    """Worker processes that run within a `with` statement; what they wrote is shown if it fails."""

    def __init__(self, commands: Iterable[list[str]]) -> None:
        self.commands = list(commands)
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "record")
        pathlib.Path(self.path).touch()
        self.processes: list[subprocess.Popen] = []

    def __enter__(self) -> "Crew":
        for command in self.commands:
            self.start(command)
        return self

    def start(self, command: list[str]) -> subprocess.Popen:
        scripts = os.path.dirname(os.path.abspath(__file__))
        environment = os.environ | {
            "CREW_PORT": str(port()), "CREW_RECORD": self.path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": scripts,
        }
        with open(f"{self.path}.log.{len(self.processes)}", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, *command], env=environment, cwd=self.folder.name, stdout=log, stderr=log,
                start_new_session=True)
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen) -> None:
        """Ends a worker, and the processes that it started, with no chance to tidy up."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def __exit__(self, kind: type | None, *_: object) -> None:
        ended = [process for process in self.processes if process.poll() not in (None, 0, -signal.SIGKILL)]
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(TERM_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                ended.append(process)
        if kind is not None or ended:
            self.show_logs()
        self.folder.cleanup()
        assert not ended or kind is not None, "a worker failed, or did not end when told to"

    def show_logs(self) -> None:
        for log in sorted(pathlib.Path(self.folder.name).glob("record.log.*")):
            print(f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-40:], sep="\n", file=sys.stderr)

    def runs(self) -> collections.Counter:
        """How many times each thing was noted."""
        return collections.Counter(noted(self.path))

    def times(self) -> dict[str, float]:
        """When each thing was noted last, in seconds since 1970."""
        lines = (line.split(" ", 1) for line in pathlib.Path(self.path).read_text().splitlines())
        return {name: float(at) for at, name in lines}

    def order(self) -> list[str]:
        """What was noted, in order."""
        return noted(self.path)


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    """Ends what takes longer, wherever it waits. One who is told to end does so with its workers."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    signal.alarm(seconds)
    yield
    signal.alarm(0)


def until(is_true: Callable[[], object]) -> None:
    while not is_true():
        time.sleep(0.02)
