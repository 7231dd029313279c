"""kplan, or a shell, on a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import termios

KPLAN = os.environ.get("KPLAN", "kplan")


def open_terminal(columns=80):
    """(leader, follower) of a terminal of so many columns, which leaves line ends alone."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    mode = termios.tcgetattr(follower)
    mode[1] &= ~termios.ONLCR
    termios.tcsetattr(follower, termios.TCSANOW, mode)
    return leader, follower


def on_terminal(folder, *arguments, columns=80, **environment):
    """What kplan writes to a terminal, and its exit code."""
    leader, follower = open_terminal(columns)
    env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | environment
    process = subprocess.Popen([KPLAN, *arguments], cwd=folder, stdout=follower, stderr=follower, env=env)
    os.close(follower)
    text = b""
    try:
        while block := os.read(leader, 65536):
            text += block
    except OSError:  # the end of a pty
        pass
    os.close(leader)
    return text.decode(), process.wait(timeout=60)
