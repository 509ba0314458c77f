"""What goes into a zip does what the source does, line for line."""

from __future__ import annotations

import ast
import importlib.util
import textwrap
from pathlib import Path
from typing import Any

import pytest

from stacks.bare import bare
from stacks.packaging import PROJECT


class Emptied(ast.NodeTransformer):
    """A tree without texts that stand alone, annotations of functions, and what is for checkers."""

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
            for arg in ast.walk(node.args):
                if isinstance(arg, ast.arg) and arg.annotation and _in_a_line(arg):
                    arg.annotation = None
            node.returns = None if node.returns and _in_a_line(node.returns) else node.returns
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            line = node.body[0].lineno
            node.body = [ast.Expr(ast.Constant("", lineno=line), lineno=line)]
        value = node.value if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            value.value, value.kind = "", None
        return self.generic_visit(node)


def _in_a_line(node: ast.arg | ast.expr) -> bool:
    return node.lineno == node.end_lineno


def shape(tree: ast.Module) -> list[tuple[str, int | None]]:
    return [(ast.dump(node), getattr(node, "lineno", None)) for node in ast.walk(tree)]


def files(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    (folder,) = spec.submodule_search_locations or ()
    return sorted(Path(folder).rglob("*.py"))


@pytest.mark.parametrize(
    "package", ["pg8000", "scramp", "asn1crypto", "pymysql", "pytds", "wickie", "lambdas"]
)
def test_nothing_but_what_readers_need_is_left_out_and_lines_keep_their_numbers(
    package: str,
) -> None:
    own = package in ("wickie", "lambdas")
    for path in sorted((PROJECT / package).rglob("*.py")) if own else files(package):
        source = path.read_text(encoding="utf-8")
        expected = Emptied().visit(ast.parse(source))
        assert shape(ast.parse(bare(source))) == shape(expected), path


def test_what_looks_like_a_comment_or_a_docstring_and_is_none_stays() -> None:
    source = textwrap.dedent('''
        """About: é, \\N{BULLET}."""  # both go
        KEPT = "# not a comment"
        TEXT = """
        # nor this
        """
        def f(x):
            """One.

            Two.
            """; y = 1  # gone
            raise ValueError(f"{x!r} # stays")
    ''')
    text = bare(source)
    assert text.splitlines() == [
        "", '""', 'KEPT = "# not a comment"', 'TEXT = """', "# nor this", '"""', "def f(x):",
        '    ""; y = 1', "", "", "", '    raise ValueError(f"{x!r} # stays")',
    ]  # fmt: skip
