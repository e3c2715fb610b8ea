"""Output is compared by its words; numbers may differ."""

import pytest
from tests.docs.matching import missing, plain

PRINTED = """\
  ✓ fitting on 450 rows 0.2 s
churn-model==0.1.0, evaluated on 150 held-out rows
ROC AUC            0.780  0.703 to 0.853             0.500
Compiled exactly: on 107,614 rows the largest difference in probability is 6.7e-16, 0 labels differ
serves on http://127.0.0.1:8001
"""


@pytest.mark.parametrize(
    "shown",
    [
        "ROC AUC 0.9 0.1 to 0.2 0.5",
        "evaluated on 150 held-out rows\non 1,000 rows the largest difference in probability is 1.2e-9, 0 labels",
        "http://127.0.0.1:8001",
        "churn-model==0.1.0",
    ],
)
def test_words_are_found_and_numbers_may_differ(shown: str):
    assert missing(shown, PRINTED) == []


@pytest.mark.parametrize(
    "shown",
    [
        "evaluated on 151 held-out rows",
        "churn-model==0.1.1",
        "3 labels differ",
        "serves on\nROC AUC",
        "http://127.0.0.2:8001",
    ],
)
def test_other_words_counts_versions_and_another_order_are_reported(shown: str):
    assert missing(shown, PRINTED) == [plain(shown.splitlines()[-1])]
