"""
Python source without what is for readers and type checkers, on the same lines.

So a traceback stays right. What goes is half of a zip.
"""

from __future__ import annotations

import ast
import io
import tokenize
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def bare(source: str) -> str:
    """
    Leave out comments, strings that stand alone, as docstrings do, and annotations of functions.

    Those of classes and of decorated functions stay: dataclasses and `singledispatch` read them.
    So does an annotation of several lines.
    """
    lines = source.encode().split(b"\n")
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.If) and for_type_checkers(node):
            _empty(lines, node.body[0], node.body[-1])
        elif isinstance(node, ast.Expr) and _is_text(node.value):
            _empty(lines, node.value, node.value)
    text = b"\n".join(lines).decode()
    return _without_comments(_without_annotations(text))


def statements(
    tree: ast.AST, but: Callable[[ast.AST], bool] = lambda _: False
) -> Iterator[ast.AST]:
    """Every statement in `tree`, outer ones first, but those, and what is in them."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case) and not but(child):
            yield child
            yield from statements(child, but)


def for_type_checkers(node: ast.AST) -> bool:
    """Whether it is what only they read."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _empty(lines: list[bytes], begin: ast.stmt | ast.expr, end: ast.stmt | ast.expr) -> None:
    """Put `""` in the place of what stands there; where there were more lines, they stay, blank."""
    first, last = begin.lineno - 1, (end.end_lineno or end.lineno) - 1
    head, tail = lines[first][: begin.col_offset], lines[last][end.end_col_offset :]
    lines[first] = head + b'""' + tail
    lines[first + 1 : last + 1] = [b""] * (last - first)


def _without_annotations(text: str) -> str:
    lines = text.encode().split(b"\n")
    spans = [span for node in statements(ast.parse(text)) for span in _annotations(node, lines)]
    for line, begin, end in sorted(spans, reverse=True):
        lines[line] = lines[line][:begin] + lines[line][end:]
    return b"\n".join(lines).decode()


def _annotations(node: ast.AST, lines: list[bytes]) -> list[tuple[int, int, int]]:
    """Line, and columns from and to, of those of a function that are in one line."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.decorator_list:
        return []
    every = chain(node.args.posonlyargs, node.args.args, node.args.kwonlyargs)
    more = (arg for arg in (node.args.vararg, node.args.kwarg) if arg)
    found = [
        (arg.lineno - 1, arg.col_offset + len(arg.arg.encode()), arg.annotation.end_col_offset or 0)
        for arg in chain(every, more)
        if arg.annotation and arg.lineno == arg.annotation.end_lineno
    ]
    if node.returns and node.returns.lineno == node.returns.end_lineno:
        line = node.returns.lineno - 1
        begin = lines[line].rindex(b"->", 0, node.returns.col_offset)
        found.append((line, begin, node.returns.end_col_offset or 0))
    return found


def _without_comments(text: str) -> str:
    lines = text.split("\n")
    if "#" not in text:  # telling tokens apart takes longer than all the rest
        return text
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    return "\n".join(lines)
