#!/usr/bin/env python3
"""Plays the debugger's part of a recording, with netcoredbg's traits: it wants the exact header,
detaches and exits at the end of its input, and must never be signalled. What it saw goes to `log`."""
import json
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def note(what):
    with open(os.path.join(HERE, "log"), "a") as log:
        log.write(what + "\n")


def signalled(number, _):
    note(f"signal {number}")
    os._exit(1)


def read():
    header = sys.stdin.buffer.readline()
    if not header:
        note("detached")
        sys.exit(0)
    name, _, length = header.partition(b": ")
    if name != b"Content-Length" or sys.stdin.buffer.readline() != b"\r\n":
        note(f"bad header {header}")
        sys.exit(1)
    message = json.loads(sys.stdin.buffer.read(int(length)))
    note(json.dumps(message))
    return message


def write(message):
    if os.path.exists(os.path.join(HERE, "integer-seq")):
        message["seq"] = int(message["seq"])
    body = json.dumps(message).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    sys.stdout.buffer.flush()


def main():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signalled)
    if os.environ.get("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT") != "1":
        sys.stderr.write("Process terminated. Couldn't find a valid ICU package\n")
        sys.exit(134)
    with open(os.path.join(HERE, "recording.jsonl")) as recording:
        entries = [json.loads(line) for line in recording]
    seqs = {}
    for entry in entries:
        if entry.get("closed"):
            if entry["from"] == "debugger":
                sys.exit(0)
            while True:
                read()
        message = entry["message"]
        if entry["from"] == "editor":
            request = read()
            while request["command"] != message["command"]:
                write({"seq": "0", "type": "response", "request_seq": request["seq"], "success": False,
                       "command": request["command"], "message": "0x80004001"})
                request = read()
            seqs[message["seq"]] = request["seq"]
        else:
            if "request_seq" in message:
                message["request_seq"] = seqs[message["request_seq"]]
            write(message)


main()
