"""Starts service processes quickly: imports the service once, then forks one per line on stdin.

Importing takes a second of CPU time per process; twenty killed ones would spend the test on it.
Each is a process of its own that runs the console command, and is killed like any other.
"""

import importlib
import os
import signal
import sys


def bear(service: str) -> None:
    """Fork a process for each line read; print its id. Ends with its input."""
    main = importlib.import_module(f"tonewatch.{service}.main").main
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # killed workers leave no zombies
    for _ in sys.stdin:
        process_id = os.fork()
        if process_id == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(sys.stdin.fileno())
            os.dup2(2, 1)  # ours is for process ids
            sys.argv = [f"tonewatch-{service}", "run"]
            main()
        print(process_id, flush=True)  # noqa: T201 - read by the test


if __name__ == "__main__":
    bear(sys.argv[1])
