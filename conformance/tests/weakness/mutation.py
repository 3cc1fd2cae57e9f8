"""The changes that are made to the code of a judge, one at a time, by operators of Cosmic Ray."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import parso
from cosmic_ray.operators.provider import OperatorProvider
from parso.tree import BaseNode, NodeOrLeaf

_NEIGHBOURS = (
    *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
    *("Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt"),
)
"""Of the comparisons the opposite one and the one that differs at the bound: who sees these sees the others."""
OPERATORS = (
    *(f"ReplaceComparisonOperator_{pair}" for pair in _NEIGHBOURS),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "BitOr_BitAnd", "BitAnd_BitOr")),
    *("AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    *("ReplaceUnaryOperator_Delete_Not", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("NumberReplacer", "ZeroIterationForLoop"),
)

_TEXTS = {"argument": ("did", "expected", "received"), "expr_stmt": ("did", "received", "why")}
"""Where the words stand that a failure is told in."""


@dataclass(frozen=True)
class Mutation:
    """One change: where it is, what stood there, what stands there now, and the whole code with it."""

    path: Path
    function: str
    line: int
    was: str
    now: str
    code: str

    @property
    def name(self) -> str:
        """What does not depend on numbers of lines."""
        return f"{self.function}: {self.was} -> {self.now}"


def mutations(path: Path) -> Iterator[Mutation]:
    """All changes to a module, one by one."""
    source = path.read_text("utf-8")
    functions = _functions(source)
    for name in OPERATORS:
        for occurrence in range(sum(1 for _ in _positions(parso.parse(source), name))):
            line, code = _mutated(source, name, occurrence)
            if code != source:
                was, now = (_line(text, line) for text in (source, code))
                yield Mutation(path, functions.get(line, "module"), line, was, now, code)


def _line(text: str, number: int) -> str:
    return " ".join(text.splitlines()[number - 1].split())


def _positions(tree: NodeOrLeaf, name: str) -> Iterator[tuple[NodeOrLeaf, int, int]]:
    """Each node that an operator can change, the number of its way to do so, and the line."""
    operator = OperatorProvider()[name]()
    for node in _nodes(tree):
        ways = 1 if name == "NumberReplacer" else None
        for way, (start, _) in enumerate(islice(operator.mutation_positions(node), ways)):
            yield node, way, start[0]


def _nodes(node: NodeOrLeaf) -> Iterator[NodeOrLeaf]:
    """A node and all within it that decide something."""
    if _is_for_people(node):
        return
    yield node
    for child in node.children if isinstance(node, BaseNode) else ():
        yield from _nodes(child)


def _is_for_people(node: NodeOrLeaf) -> bool:
    """Whether it is a text of a failure, or a part of a signature."""
    if node.type in ("fstring", "decorator", "parameters", "annassign"):
        return True
    if node.type in ("argument", "expr_stmt"):
        return node.children[0].get_code().strip() in _TEXTS[node.type]
    return node.parent is not None and node.parent.type == "funcdef" and node.type != "suite"


def _mutated(source: str, name: str, occurrence: int) -> tuple[int, str]:
    """The line and the code of the change of this number."""
    tree = parso.parse(source)
    node, way, line = list(_positions(tree, name))[occurrence]
    siblings = node.parent.children
    place = siblings.index(node)
    siblings[place] = OperatorProvider()[name]().mutate(node, way)
    return line, tree.get_code()


def _functions(source: str) -> dict[int, str]:
    """For each line the function that it stands in, the innermost one."""
    found: dict[int, str] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            found |= dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), node.name)
    return found
