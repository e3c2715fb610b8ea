"""The graph while it is built: nothing twice, columns gathered only where needed, and strings as ids."""

import numpy as np
import pytest

from seatrial.compile.graph import Graph, Refused, join
from seatrial.model.engines import GraphEngine
from seatrial.model.inputs import Inputs


@pytest.fixture
def graph() -> Graph:
    return Graph(Inputs(("a", "b", "c"), ("s", "t")))


def test_equal_nodes_and_constants_are_added_once(graph: Graph) -> None:
    one, same, other = graph.constant([1.0, 2.0]), graph.constant([1.0, 2.0]), graph.constant([1.0, 3.0])
    assert one == same != other
    assert graph.add("Add", "numbers", one) == graph.add("Add", "numbers", same) != graph.add("Add", "numbers", other)


def test_all_columns_of_a_tensor_need_no_gather(graph: Graph) -> None:
    numbers = graph.root.take([0, 1, 2])
    assert graph.gather(numbers) == "numbers"
    assert graph.gather(numbers.take([2, 0])) != "numbers"


def test_columns_of_several_tensors_are_concatenated(graph: Graph) -> None:
    doubled = graph.matrix(graph.add("Add", "numbers", "numbers"), 3)
    both = join([graph.root.take([1]), doubled.take([2])])
    scores = graph.gather(both)
    engine = GraphEngine(graph.finish(scores, 2).SerializeToString())
    result = engine(np.array([[1.0, 2.0, 3.0]]), np.array([["x", "y"]], dtype=object))
    assert result.tolist() == [[2.0, 6.0]]


@pytest.mark.parametrize(
    ("positions", "operators"),
    [([3, 3, 4], {"MatMul"}), ([0, 4, 4, 3], {"MatMul", "Gather", "Concat"}), ([0, 0, 3], {"Gather", "Concat"})],
    ids=["ids", "numbers and ids", "ids only once"],
)
def test_repeated_columns_are_exact_beside_missing_numbers(
    graph: Graph, positions: list[int], operators: set[str]
) -> None:
    graph.id_of("x"), graph.id_of("y")
    chosen = graph.root.take(positions)
    built = graph.finish(graph.repeated(chosen), len(positions))
    gathered = GraphEngine(built.SerializeToString())(np.array([[np.nan, 2, 3]]), np.array([["y", "x"]], dtype=object))
    assert np.array_equal(gathered, np.array([[np.nan, 2, 3, 2, 1]])[:, positions], equal_nan=True)
    assert {node.op_type for node in built.graph.node} - {"LabelEncoder"} == operators


def test_a_known_string_is_its_id_and_every_other_is_zero(graph: Graph) -> None:
    assert (graph.id_of("red"), graph.id_of("blue"), graph.id_of("red")) == (1.0, 2.0, 1.0)
    assert graph.id_of(7) == 7.0
    scores = graph.gather(graph.root.take([4, 3]))
    engine = GraphEngine(graph.finish(scores, 2).SerializeToString())
    result = engine(np.zeros((2, 3)), np.array([["red", "blue"], ["", "green"]], dtype=object))
    assert result.tolist() == [[2.0, 1.0], [0.0, 0.0]]


def test_arithmetic_on_strings_and_on_no_columns_is_refused(graph: Graph) -> None:
    with pytest.raises(Refused, match="it receives strings but needs numbers"):
        graph.numbers(graph.root.take([0, 3]))
    with pytest.raises(Refused, match="it has no input columns"):
        graph.packed(graph.root.take([]))
