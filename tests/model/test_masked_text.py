"""Free text, with what identifies somebody replaced."""

from seatrial.model.masked_text import common_masks, masked

NAMES = [
    f"Family{chr(65 + n % 26)}{chr(97 + n // 26)}, {['Mr.', 'Miss.'][n % 3 == 0]} Given{chr(97 + n % 25)}"
    for n in range(60)
]


def test_words_of_many_rows_stay_and_all_others_are_replaced() -> None:
    masks = common_masks(NAMES, 2)
    assert masks == ["XxxxxxXx, Mr. Xxxxxx", "XxxxxxXx, Miss. Xxxxxx"]
    assert common_masks(["A/5 21171", "F.C.C. 13529", "A/5 3540"] * 3, 1)[0] not in ("A/5 21171", "F.C.C. 13529")


def test_no_mask_is_a_text_of_the_table() -> None:
    for texts in (NAMES, ["x", "xx", "0"], ["the same words"] * 50, ["", " "], []):
        assert not set(common_masks(texts, 5)) & set(texts)


def test_letters_and_digits_of_any_script_are_replaced() -> None:
    assert masked("Ünal, Ağca 41 (Ω) 東京\n") == "Xxxx, Xxxx 00 (X) xx "
    assert masked("Dr. Who", {"Dr"}) == "Dr. Xxx"
