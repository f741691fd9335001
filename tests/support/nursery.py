"""Starts worker processes quickly: imports the service once, then forks a worker per line on stdin.

Importing takes a second of CPU time per process; twenty killed workers would spend the test on it.
Each worker is a process of its own that runs the console command, and is killed like any other.
"""

import os
import signal
import sys

from tonewatch.inference.main import main


def bear() -> None:
    """Fork a worker for each line read; print its process id. Ends with its input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # killed workers leave no zombies
    for _ in sys.stdin:
        process_id = os.fork()
        if process_id == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(sys.stdin.fileno())
            sys.argv = ["tonewatch-inference", "run"]
            main()
        print(process_id, flush=True)  # noqa: T201 - read by the test


if __name__ == "__main__":
    bear()
