"""`python -m bench [GROUP]`: one JSON line for each figure (name, value, unit, reference).

A group is a module of this folder with a `run()` that returns its figures. Each runs in a process of its own, so that
none pays for what another has loaded. A timing is a ratio to a reference that was measured in the same run: absolute
times say more about the machine than about the portal.
"""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

KEYS = {"name", "value", "unit", "reference"}


def groups() -> list[str]:
    """Names of the groups, in alphabetical order."""
    modules = Path(__file__).parent.glob("[a-z]*.py")
    return sorted(path.stem for path in modules if "\ndef run(" in path.read_text(encoding="utf-8"))


def print_group(name: str) -> None:
    """Measure one group here and print its figures; ValueError for a figure that lacks a key."""
    for figure in import_module(f"bench.{name}").run():
        if not figure.keys() >= KEYS:
            msg = f"{figure} lacks {sorted(KEYS - figure.keys())}"
            raise ValueError(msg)
        print(json.dumps(figure, ensure_ascii=False), flush=True)


def main(arguments: list[str]) -> int:
    """Run the named group, or every one of them; returns the exit status."""
    known = groups()
    if not arguments:
        return max(subprocess.run([sys.executable, "-m", "bench", name], check=False).returncode for name in known)
    if arguments[0] not in known:
        print(f"no group {arguments[0]!r}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    print_group(arguments[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
