"""Turns a parsed query into expressions, and refuses by name what is not supported."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import promql_parser as ast

from cartwheel.promql.aggregations import AGGREGATIONS
from cartwheel.promql.errors import QueryError
from cartwheel.promql.expressions import (
    Aggregation,
    Combined,
    Constant,
    Either,
    Mapped,
    RangeCall,
    Selector,
    Test,
    VectorExpression,
)
from cartwheel.promql.functions import RANGE_FUNCTIONS
from cartwheel.promql.operators import ARITHMETIC, Grouping
from cartwheel.promql.series import NAME, Labels

Expression = VectorExpression | float

# The parser is recursive: a far longer query can overflow its stack, which ends the process.
MAX_LENGTH = 4000
# Compiling and evaluating are recursive too.
MAX_DEPTH = 100


def compile_query(text: str) -> VectorExpression:
    """The query as an expression. Raises `QueryError`."""
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the query has {len(text)} characters; at most {MAX_LENGTH} are allowed")
    try:
        parsed = ast.parse(text)
    except ValueError as error:
        raise QueryError(f"the query cannot be parsed: {error}") from None
    _check_depth(parsed)
    return _vector(_compile(parsed), "as the result of a query")


def _check_depth(parsed: object) -> None:
    level, depth = [parsed], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise QueryError(
                f"the query is nested too deeply; {MAX_DEPTH} levels or terms are allowed"
            )
        level = [operand for node in level for operand in _operands(node)]


def _operands(node: object) -> Sequence[object]:
    match node:
        case ast.BinaryExpr():
            return [node.lhs, node.rhs]
        case ast.Call():
            return node.args
        case ast.ParenExpr() | ast.UnaryExpr() | ast.AggregateExpr() | ast.SubqueryExpr():
            return [node.expr]
    return []


def _compile(node: object) -> Expression:
    match node:
        case ast.NumberLiteral():
            return node.val
        case ast.ParenExpr():
            return _compile(node.expr)
        case ast.UnaryExpr():
            return _negative(_compile(node.expr))
        case ast.VectorSelector():
            return _selector(node)
        case ast.Call():
            return _call(node)
        case ast.AggregateExpr():
            return _aggregation(node)
        case ast.BinaryExpr():
            return _binary(node)
        case ast.SubqueryExpr():
            raise _unsupported("a subquery", "a range of a selector, as in name[4s]")
        case ast.MatrixSelector():
            raise _unsupported("a range outside a function", "a range in rate(name[4s])")
        case _:
            raise _unsupported(f"{type(node).__name__}", "selectors, numbers and functions")


def _negative(operand: Expression) -> Expression:
    if isinstance(operand, float):
        return -operand
    return Mapped(lambda value: -value, operand)


def _call(node: ast.Call) -> Expression:
    name = node.func.name
    if name == "vector":
        return _constant(_compile(node.args[0]))
    if name not in RANGE_FUNCTIONS:
        raise _unsupported(name, ", ".join([*RANGE_FUNCTIONS, "vector"]))
    selection = node.args[0]
    while isinstance(selection, ast.ParenExpr):
        selection = selection.expr
    if not isinstance(selection, ast.MatrixSelector):
        _compile(selection)  # names what it is
        raise _unsupported(f"this argument of {name}", f"{name}(name[4s])")
    length = selection.range // timedelta(milliseconds=1)
    return RangeCall(RANGE_FUNCTIONS[name], _selector(selection.vector_selector), length)


def _constant(value: Expression) -> Constant:
    if not isinstance(value, float):
        raise _unsupported("vector() of something else than a number", "vector(0)")
    return Constant(value)


def _aggregation(node: ast.AggregateExpr) -> Aggregation:
    name = str(node.op)
    if name not in AGGREGATIONS:
        raise _unsupported(name, ", ".join(AGGREGATIONS))
    operand = _vector(_compile(node.expr), f"as the operand of {name}")
    return Aggregation(AGGREGATIONS[name], operand, _group_by(node.modifier))


def _group_by(modifier: ast.AggModifier | None) -> Grouping:
    if modifier is None:
        return Grouping(listed_count=True)
    listed_count = modifier.type == ast.AggModifierType.By
    return Grouping(frozenset(modifier.labels), listed_count=listed_count)


def _binary(node: ast.BinaryExpr) -> Expression:
    operator = str(node.op)
    if operator != "or" and operator not in ARITHMETIC:
        raise _unsupported(f"the operator {operator}", f"{' '.join(ARITHMETIC)} or")
    left, right = _compile(node.lhs), _compile(node.rhs)
    matching = _matching(node.modifier)
    if operator == "or":
        return Either(_vector(left, "beside or"), _vector(right, "beside or"), matching)
    compute = ARITHMETIC[operator]
    match left, right:
        case float(), float():
            return compute(left, right)
        case _, float():
            return Mapped(partial(_with_right, compute, right), _vector(left, "here"))
        case float(), _:
            return Mapped(partial(compute, left), _vector(right, "here"))
        case _:
            return Combined(compute, _vector(left, "here"), _vector(right, "here"), matching)


def _with_right(compute: Callable[[float, float], float], right: float, left: float) -> float:
    return compute(left, right)


def _matching(modifier: ast.BinModifier | None) -> Grouping:
    if modifier is None:
        return Grouping()
    cardinality = modifier.card
    if cardinality == ast.VectorMatchCardinality.ManyToOne:
        raise _unsupported("group_left", "operators between series that match one to one")
    if cardinality == ast.VectorMatchCardinality.OneToMany:
        raise _unsupported("group_right", "operators between series that match one to one")
    fill = modifier.fill_values
    if fill.lhs is not None or fill.rhs is not None:
        raise _unsupported("fill", "operators between series that both exist")
    if modifier.matching is None:
        return Grouping()
    listed_count = modifier.matching.type == ast.LabelModifierType.Include
    return Grouping(frozenset(modifier.matching.labels), listed_count=listed_count)


def _selector(node: ast.VectorSelector) -> Selector:
    if node.offset is not None:
        raise _unsupported("offset", "selectors of the present")
    if node.at is not None:
        raise _unsupported("the modifier @", "selectors of the present")
    if node.matchers.or_matchers:
        raise _unsupported("or between matchers", "matchers that all have to match")
    name, tests = node.name, []
    for matcher in node.matchers.matchers:
        if matcher.name != NAME:
            tests.append(_test(matcher))
        elif matcher.op == ast.MatchOp.Equal:
            name = matcher.value
        else:
            raise _unsupported(f"the matcher {matcher}", "one metric by its name")
    if name is None:
        raise _unsupported("a selector without the name of a metric", 'name{label="value"}')
    return Selector(name, tuple(tests))


def _test(matcher: ast.Matcher) -> Test:
    name, value = matcher.name, matcher.value
    if matcher.op == ast.MatchOp.Equal:
        return lambda labels: _value(labels, name) == value
    if matcher.op == ast.MatchOp.NotEqual:
        return lambda labels: _value(labels, name) != value
    try:
        pattern = re.compile(value, re.ASCII | re.DOTALL)
    except re.error as error:
        raise _unsupported(f"the regular expression {value}", f"Python's: {error}") from None
    expected = matcher.op == ast.MatchOp.Re
    return lambda labels: (pattern.fullmatch(_value(labels, name)) is not None) == expected


def _value(labels: Labels, name: str) -> str:
    """The value of a label; a label that is missing is the same as an empty one."""
    return next((value for label, value in labels if label == name), "")


def _vector(expression: Expression, place: str) -> VectorExpression:
    if isinstance(expression, float):
        raise _unsupported(f"a number {place}", f"vector({expression:g})")
    return expression


def _unsupported(what: str, allowed: str) -> QueryError:
    return QueryError(f"{what} is not supported by the local run; allowed: {allowed}")
