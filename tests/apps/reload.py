"""Runs app.py, and starts it again when a source beside it has changed, as web frameworks do while one develops."""

import os
import subprocess
import sys
import time


def sources():
    names = sorted(name for name in os.listdir(".") if name.endswith(".py"))
    return [(name, os.stat(name).st_mtime_ns) for name in names]


seen = sources()
app = subprocess.Popen([sys.executable, "app.py"])
while True:
    time.sleep(0.02)
    now = sources()
    if now != seen:
        seen = now
        app.terminate()
        app.wait()
        app = subprocess.Popen([sys.executable, "app.py"])
