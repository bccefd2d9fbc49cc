"""Answers orders: lines of JSON on stdin, an answer or an error for each on stdout."""

import json
import sys
from collections.abc import Callable


def serve(obey: Callable[[dict], object]) -> None:
    for line in sys.stdin:
        try:
            reply = {"answer": obey(json.loads(line))}
        except Exception as error:  # noqa: BLE001: whatever it was, who asked is told
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
