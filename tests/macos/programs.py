"""A program of our own, to be read and watched."""

import os
import subprocess
from pathlib import Path

LIBRARY = "int dyld_atlas_test_value(void) { return 42; }\n"
# Loads the library that it is given for each line that it reads, and unloads it at the next one.
PROGRAM = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
    void *handle = 0;
    char line[64];
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (handle) { dlclose(handle); handle = 0; } else { handle = dlopen(argv[1], RTLD_NOW); }
        puts(handle ? "loaded" : "unloaded");
        fflush(stdout);
    }
    return 0;
}
"""


class Target:
    """A program of our own that loads and unloads a library when it is told to."""

    def __init__(self, program: Path, library: Path) -> None:
        self.library = library
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program, library], stdin=pipe, stdout=pipe, text=True)
        assert self.hear() == "ready"

    @property
    def pid(self) -> int:
        return self.process.pid

    def hear(self) -> str:
        """The next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self) -> None:
        """Load, or unload what is loaded; the answer is to be heard."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def toggle(self) -> str:
        """Load or unload, and wait until that is done."""
        self.tell()
        return self.hear()

    def kill_and_leave(self) -> None:
        """Kill it, and do not ask for it: it has ended when it says nothing more."""
        self.process.kill()
        assert self.hear() == ""
        # Its files are closed before it counts as ended.
        assert os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT) is not None

    def end(self) -> None:
        """Let it exit."""
        self.process.communicate()
