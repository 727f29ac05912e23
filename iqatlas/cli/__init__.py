"""The command line: one file a command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``iqatlas`` with the arguments of this process, and exit with its code."""
    # The commands bring Typer and Rich, which `import iqatlas.cli` need not.
    from iqatlas.cli.app import run
    from iqatlas.cli.plain_streams import speak_plainly

    speak_plainly()
    sys.exit(run(sys.argv[1:]))
