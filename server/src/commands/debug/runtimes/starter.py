"""Starts a program under debugpy: azds.py PORT[,stop] FILE|-m MODULE|-c CODE [ARGUMENT...]

As `debugpy --listen PORT --wait-for-client` does, but the adapter starts while debugpy is imported, not after that.
With `stop` the program stops in its first line, which debugpy itself does for programs that its editor launches only.
No module may be imported before debugpy that imports threading, which debugpy prepares for itself.
"""

import json
import os
import socket
import sys

port, _, stop = sys.argv[1].partition(",")
folder = os.path.dirname(os.path.abspath(__file__))
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(30)
adapter = [
    sys.executable, os.path.join(folder, "adapter"),
    "--for-server", str(listener.getsockname()[1]), "--host", "127.0.0.1", "--port", port,
]
# Many images forbid compiled modules, and without them each session would take two seconds more.
writes_nothing, sys.dont_write_bytecode = sys.dont_write_bytecode, False
adapter = os.posix_spawn(sys.executable, adapter, {**os.environ, "PYTHONDONTWRITEBYTECODE": ""})

# The folder of the package for as long as it is imported; the program must not see its modules.
sys.path[0] = os.path.dirname(folder)
import debugpy.server
import pydevd
from debugpy.server import cli
del sys.path[0]
sys.dont_write_bytecode = writes_nothing

connection, _ = listener.accept()
listener.close()
with connection, connection.makefile("rb") as endpoints:
    server = json.load(endpoints)["server"]
# It forks, and what goes on is no child of this process.
os.waitpid(adapter, 0)

# Connecting would wait for the client, too, but looks for it ten times a second only.
settrace = pydevd.settrace
pydevd.settrace = lambda *given, **named: settrace(*given, **{"wait_for_ready_to_run": False, **named})
sys.argv[1:2] = ["--connect", "{host}:{port}".format(**server), "--wait-for-client"]

if stop:
    wait_for_client = debugpy.wait_for_client

    def wait_and_stop():
        wait_for_client()
        pydevd.settrace(suspend=True, trace_only_current_thread=True, patch_multiprocessing=False)

    debugpy.wait_for_client = wait_and_stop

cli.main()
