"""Faults of the training code: what they do to a pipeline and to the labels."""

import numpy as np

from seatrial.trial.prove.trainer import CODE_FAULTS


class Pipeline:
    """A pipeline with parameters, as scikit-learn has them."""

    def __init__(self, **parameters: object) -> None:
        self.parameters = parameters

    def get_params(self) -> dict[str, object]:
        return dict(self.parameters)

    def set_params(self, **parameters: object) -> None:
        self.parameters.update(parameters)


def test_a_fault_of_the_code_that_finds_nothing_to_change_says_so() -> None:
    underfit, misaligned = (fault.alter for fault in CODE_FAULTS)
    target = np.arange(4)
    assert underfit(Pipeline(model__depths=3), target) is None
    misaligned_target = misaligned(Pipeline(model__depths=3), target)
    assert misaligned_target is not None
    assert misaligned_target.tolist() == [3, 0, 1, 2]


def test_underfitting_sets_the_first_parameter_that_there_is() -> None:
    underfit = CODE_FAULTS[0].alter
    target = np.arange(4)
    forest = Pipeline(model__max_depth=None, model__n_estimators=100)
    assert underfit(forest, target) is target
    assert forest.parameters == {"model__max_depth": 1, "model__n_estimators": 100}
