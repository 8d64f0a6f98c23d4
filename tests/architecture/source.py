"""The portal's own source, parsed once, for the tests that look at how it is written."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from portal.config import ROOT


@dataclass(frozen=True)
class Module:
    """A Python file: its path from the root, its dotted name, and its syntax tree."""

    path: str
    name: str
    tree: ast.Module

    @property
    def parts(self) -> tuple[str, ...]:
        """`("portal", "store", "services", "orders")`."""
        return tuple(self.name.split("."))

    def is_kind(self, kind: str) -> bool:
        """Whether this is a feature's `services.py`, or a module of its `services/`."""
        return len(self.parts) > 2 and self.parts[1] != "web" and self.parts[2] == kind


def parse(path: Path) -> Module:
    """One file of the repository."""
    relative = path.relative_to(ROOT)
    name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
    return Module(relative.as_posix(), name, ast.parse(path.read_text(encoding="utf-8")))


@cache
def portal_modules() -> tuple[Module, ...]:
    """Every module of the portal."""
    return tuple(parse(path) for path in sorted((ROOT / "portal").rglob("*.py")))


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything a module imports."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def called_name(call: ast.Call) -> str:
    """The last part of what is called: `commit` of `db.commit()`, `Markup` of `Markup("…")`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Every call below a node."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function below a node."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
