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
from _pydevd_bundle import pydevd_api, pydevd_suspended_frames, pydevd_xml
from _pydevd_bundle.pydevd_constants import get_global_debugger
from debugpy.server import cli
del sys.path[0]
sys.dont_write_bytecode = writes_nothing

connection, _ = listener.accept()
listener.close()
with connection, connection.makefile("rb") as endpoints:
    server = json.load(endpoints)["server"]
# It forks, and what goes on is no child of this process.
os.waitpid(adapter, 0)


def change(module, name, by):
    """Replaces a function of debugpy's; one that another version lacks stays away."""
    if hasattr(module, name):
        setattr(module, name, by(getattr(module, name)))


def without_delay(connect):
    # It sends each message in two parts, and the kernel would keep the second one for 40 ms.
    def connected(*given):
        connection = connect(*given)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    return connected


def then_wake(resume):
    # A stopped thread that is told to go on looks for that five times a second only, and so each step would take 0.2 s.
    def resumed(*given, **named):
        resume(*given, **named)
        for event in list(getattr(get_global_debugger(), "_thread_events", {}).values()):
            event.set()

    return resumed


def then_remembered(get_type):
    # What has no children (a number, a text) is remembered as None, which it takes for a type that it does not know yet.
    def got(handler, value, kind, name):
        if getattr(handler, "_type_to_resolver_cache", {}).get(kind, handler) is None:
            return kind, name, None
        return get_type(handler, value, kind, name)

    return got


def but_for_plain(get_scope):
    # To find out whether a value is a function or a class takes longest of all, and a number or a text is neither.
    # Names with underscores, and keys of dictionaries, which are quoted, mean something by themselves.
    plain = {bool, bytes, float, int, str, type(None)}

    def got(name, value, *given):
        if type(value) in plain and name[:1] not in "_'" and name[-2:] != "__":
            return ""
        return get_scope(name, value, *given)

    return got


change(pydevd, "start_client", without_delay)
change(getattr(pydevd_xml, "TypeResolveHandler", None), "_get_type", then_remembered)
change(pydevd_suspended_frames, "get_var_scope", but_for_plain)
for name in ("internal_step_in_thread", "internal_smart_step_into", "resume_threads"):
    change(pydevd_api, name, then_wake)

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
