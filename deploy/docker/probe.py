"""The health check of every image: ask /health on the port given; exit 1 if the answer is not 200.

`tonewatch-X healthcheck` asks the same, but loads the whole service first: 1.7 s of CPU, which
seven containers would spend every few seconds. This needs 0.05 s (`python -I -S` and two modules).
"""

import http.client
import sys

SECONDS = 5


def main(port: int) -> int:
    """The exit code; says on standard error what is wrong."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer on port {port}: {error}", file=sys.stderr)
        return 1
    if status != http.client.OK:
        print(f"/health answered {status}", file=sys.stderr)
    return int(status != http.client.OK)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))
