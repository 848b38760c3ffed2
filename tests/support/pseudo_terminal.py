"""Runs a program in a terminal of a given width, for tests of what people see."""
import fcntl
import os
import re
import struct
import subprocess
import termios

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class PseudoTerminal:
    """One terminal, with stdout and stderr of the programs started by run()."""

    def __init__(self, columns, lines=40):
        self.master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.master)
        if self.slave is not None:
            os.close(self.slave)

    def start(self, command, environment, **more):
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.slave, stderr=self.slave,
                                env={"VAULT_PAGER": "cat", **environment, "TERM": "xterm-256color"}, **more)

    def read_to_end(self):
        """Everything written until nobody has the terminal open any more, with plain line ends."""
        os.close(self.slave)
        self.slave = None
        output = b""
        while True:
            try:
                some = os.read(self.master, 65536)
            except OSError:  # EIO: that is how it ends
                break
            if not some:
                break
            output += some
        return output.decode().replace("\r\n", "\n")

    def run(self, command, environment):
        """The exit code, and the terminal's contents; usable once."""
        process = self.start(command, environment)
        output = self.read_to_end()
        return process.wait(60), output


def without_colours(text):
    return ESCAPES.sub("", text)
