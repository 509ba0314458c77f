"""`python -m local.demo [--keep] [--folder FOLDER]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local.demo import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.demo")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--folder", type=Path, help="where results go (build/demo)")
    options = parser.parse_args()
    sys.exit(main(keep=options.keep, folder=options.folder and options.folder.resolve()))
