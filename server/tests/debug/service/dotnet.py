"""Looks like `dotnet run` and its child to whoever reads /proc: both have the runtime's library mapped."""
import mmap
import subprocess
import sys

library = open("libcoreclr.so", "rb")
mapped = mmap.mmap(library.fileno(), 0, prot=mmap.PROT_READ)
if sys.argv[0] == "run":
    subprocess.run([sys.executable, "bin/Debug/net8.0/Producer.dll"], check=False)
else:
    open("ready", "w").close()
    sys.stdin.read()
