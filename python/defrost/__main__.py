"""The ``defrost`` command: ``python -m defrost``, and the script of the package."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Runs the command with the words of the command line; returns its exit code."""
    from . import _defrost

    # Python's handler would only note Ctrl-C; the command stops by itself, with a checkpoint.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _defrost.run_command(["defrost", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
