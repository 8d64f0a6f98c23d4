"""How the code is written: what a reader may rely on in every file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.config import ROOT
from tests.architecture.source import Module, called_name, calls, functions, imports, portal_modules

LONGEST_FILE = 400
LONGEST_FUNCTION = 70
LONGEST_VIEW = 15
CODE = ("portal", "migrations", "tests", "bench", "scripts", "static", "templates")
KINDS = {".py", ".html", ".js", ".css", ".toml", ".txt"}
# The syllabus and the messages are data; a migration is written once and grows with its tables; the style sheet is one
# file because it is one request.
NOT_READ_WHOLE = (
    "portal/training/lessons/",
    "portal/demo/questions.toml",
    "portal/translations/",
    "migrations/versions/",
    "static/css/",
)
COMMITS_IN = {"portal/kernel/db.py"}
MARKUP_IN = {"portal/web/icons.py", "portal/web/markdown.py"}
CLOCK_IN = {"portal/kernel/clock.py"}
MONEY = ("portal/ledger/", "portal/wallet/", "portal/payments/", "portal/store/", "portal/kernel/money.py")
FLASK = ("flask", "flask_login", "flask_wtf", "werkzeug")


def long_files(root: Path) -> Iterator[str]:
    for folder in CODE:
        for path in sorted((root / folder).rglob("*")):
            relative = path.relative_to(root).as_posix()
            if path.suffix in KINDS and not relative.startswith(NOT_READ_WHOLE):
                lines = len(path.read_text(encoding="utf-8").splitlines())
                if lines > LONGEST_FILE:
                    yield f"{relative}: {lines} lines"


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from `def` on: a decorator or a long docstring's lines count as well."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines after the signature and the docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return (function.end_lineno or body[0].lineno) - body[0].lineno + 1


def long_functions(module: Module) -> Iterator[str]:
    for function in functions(module.tree):
        if length(function) > LONGEST_FUNCTION:
            yield f"{module.path}:{function.lineno} {function.name}: {length(function)} lines"


def long_views(module: Module) -> Iterator[str]:
    for function in functions(module.tree):
        decorators = [called_name(item) for item in function.decorator_list if isinstance(item, ast.Call)]
        if {"route", "get", "post"} & set(decorators) and body_length(function) > LONGEST_VIEW:
            yield f"{module.path}:{function.lineno} {function.name}: {body_length(function)} lines"


def commits(module: Module) -> Iterator[str]:
    return (f"{module.path}:{call.lineno}" for call in calls(module.tree) if called_name(call) == "commit")


def flask_imports(module: Module) -> Iterator[str]:
    for line, name in imports(module):
        if name.split(".")[0] in FLASK:
            yield f"{module.path}:{line} {name}"


def markup(module: Module) -> Iterator[str]:
    """Markup of anything but a literal, which holds nothing that a person wrote."""
    for call in calls(module.tree):
        if called_name(call) == "Markup" and not (call.args and isinstance(call.args[0], ast.Constant)):
            yield f"{module.path}:{call.lineno}"


def _decimals(tree: ast.Module) -> set[str]:
    """Names that a module gives to Decimals."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and "Decimal(" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _is_inexact(node: ast.AST, decimals: set[str]) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    if isinstance(node, ast.Name):
        return node.id == "float"
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
        return False
    text = ast.unparse(node)
    holds_text = any(isinstance(below, ast.Constant) and isinstance(below.value, str) for below in ast.walk(node))
    names = {below.id for below in ast.walk(node) if isinstance(below, ast.Name)}
    # `folder / "name"` joins a path.
    return not (holds_text or "Decimal(" in text or names & decimals)


def floats(module: Module) -> Iterator[str]:
    """A float literal, `float`, or a true division that is not one of Decimals: none of them is exact."""
    decimals = _decimals(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.expr) and _is_inexact(node, decimals):
            yield f"{module.path}:{node.lineno} {ast.unparse(node)}"


def own_clocks(module: Module) -> Iterator[str]:
    for call in calls(module.tree):
        if ast.unparse(call.func) in {"datetime.now", "datetime.utcnow", "date.today", "datetime.today", "time.time"}:
            yield f"{module.path}:{call.lineno} {ast.unparse(call)}"


def silent_handlers(module: Module) -> Iterator[str]:
    """`except` around everything, or one that only passes."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            only_passes = all(isinstance(statement, ast.Pass) for statement in node.body)
            if node.type is None or only_passes:
                yield f"{module.path}:{node.lineno}"


def test_no_file_is_too_long_to_read():
    assert list(long_files(ROOT)) == []


def test_no_function_is_too_long_to_read():
    assert [found for module in portal_modules() for found in long_functions(module)] == []


def test_a_view_loads_checks_calls_and_renders():
    views = [module for module in portal_modules() if module.is_kind("views")]
    assert views
    assert [found for module in views for found in long_views(module)] == []


def test_only_the_kernel_commits():
    modules = [module for module in portal_modules() if module.path not in COMMITS_IN]
    assert [found for module in modules for found in commits(module)] == []


@pytest.mark.parametrize("kind", ["services", "queries", "policies", "models", "errors", "flows", "handlers", "jobs"])
def test_what_stands_below_the_views_knows_no_flask(kind):
    modules = [module for module in portal_modules() if module.is_kind(kind)]
    assert [found for module in modules for found in flask_imports(module)] == []


def test_markup_is_built_in_two_modules_only():
    modules = [module for module in portal_modules() if module.path not in MARKUP_IN]
    assert [found for module in modules for found in markup(module)] == []


def test_money_is_never_a_float():
    modules = [module for module in portal_modules() if module.path.startswith(MONEY)]
    assert modules
    assert [found for module in modules for found in floats(module)] == []


def test_there_is_one_clock():
    modules = [module for module in portal_modules() if module.path not in CLOCK_IN]
    assert [found for module in modules for found in own_clocks(module)] == []


def test_no_error_is_swallowed():
    assert [found for module in portal_modules() for found in silent_handlers(module)] == []


BAD = """
import flask
from datetime import datetime
from markupsafe import Markup

@blueprint.get("/x")
def view():
    '''Words.'''
    rate = 0.012
    half = total / 2
    db.commit()
    try:
        moment = datetime.now()
    except:
        return Markup(total)
""" + "\n".join(f"    line = {number}" for number in range(70))


@pytest.mark.parametrize(
    "check", [long_functions, long_views, commits, flask_imports, markup, floats, own_clocks, silent_handlers]
)
def test_each_check_finds_a_seeded_mistake(check):
    assert list(check(Module("portal/x/services.py", "portal.x.services", ast.parse(BAD))))


def test_the_length_check_finds_a_long_file(tmp_path):
    (tmp_path / "portal").mkdir()
    (tmp_path / "portal" / "long.py").write_text("x = 1\n" * (LONGEST_FILE + 1))
    assert list(long_files(tmp_path)) == ["portal/long.py: 401 lines"]
