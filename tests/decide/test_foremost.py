"""Which models nothing that is known speaks against."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from llmpick.decide.foremost import HALVING_DAYS, Standing, in_order, surpassed_by

B, T = 10**9, 10**12


def model(
    name: str, billions: float, trillions: float | None, year: int = 2025, month: int = 1, *, active: float | None = None
) -> Standing:
    total = round(billions * B)
    used = total if active is None else round(active * B)
    return Standing(name, total, used, None if trillions is None else round(trillions * T), date(year, month, 1))


OLD_33B = model("llama-33b", 32.5, 1.4, 2023, 2)
NEW_32B = model("qwen3-32b", 32.8, 36, 2025, 4)
NEW_4B = model("qwen3-4b", 4, 36, 2025, 4)
SECRET_31B = model("gemma-4-31b", 30.7, None, 2026, 4)
SECRET_27B = model("gemma-3-27b", 27, None, 2025, 3)


def test_a_newer_and_longer_trained_model_of_the_size_surpasses():
    assert surpassed_by(OLD_33B, [OLD_33B, NEW_32B, NEW_4B]) == "qwen3-32b"


def test_a_larger_one_surpasses_a_smaller_one_of_the_same_recipe():
    assert surpassed_by(NEW_4B, [NEW_32B, NEW_4B]) == "qwen3-32b"
    assert surpassed_by(NEW_32B, [NEW_32B, NEW_4B]) is None


def test_a_size_a_little_larger_is_no_reason_to_keep_an_old_model():
    codellama = model("codellama-34b", 33.7, 2.5, 2023, 8)
    assert surpassed_by(codellama, [codellama, NEW_32B]) == "qwen3-32b"


def test_where_the_training_is_not_known_its_day_takes_the_place():
    assert surpassed_by(SECRET_27B, [SECRET_27B, SECRET_31B]) == "gemma-4-31b"
    assert surpassed_by(SECRET_27B, [SECRET_27B, NEW_32B]) == "qwen3-32b"


def test_a_model_of_unknown_training_surpasses_none_whose_training_is_known():
    assert surpassed_by(NEW_32B, [NEW_32B, SECRET_31B]) is None


def test_eight_months_are_worth_a_doubling_of_the_tokens():
    older, newer = model("older", 7, 2, 2024, 1), model("newer", 7, 1, 2024, 1)
    later = newer._replace(released=date.fromordinal(older.released.toordinal() + round(HALVING_DAYS)))  # pyright: ignore
    assert older.training is not None
    assert later.training is not None
    assert abs(older.training - later.training) < 0.01


def test_the_order_is_by_training_and_what_is_not_known_comes_last():
    order = [one.model for one in in_order([SECRET_27B, OLD_33B, SECRET_31B, NEW_4B, NEW_32B])]
    assert order == ["qwen3-32b", "qwen3-4b", "llama-33b", "gemma-4-31b", "gemma-3-27b"]


def test_a_mixture_is_surpassed_only_by_what_is_as_fast():
    mixture = model("mixture", 30, 36, 2025, 4, active=3)
    newer = model("newer-mixture", 35, 36, 2026, 4, active=3)
    assert surpassed_by(mixture, [mixture, NEW_32B]) is None
    assert surpassed_by(mixture, [mixture, NEW_32B, newer]) == "newer-mixture"
    assert surpassed_by(NEW_4B, [NEW_4B, mixture]) is None


standings = st.lists(
    st.builds(
        Standing,
        st.sampled_from("abcdefgh"),
        st.none() | st.integers(1, 10**12),
        st.none() | st.integers(1, 10**12),
        st.none() | st.integers(1, 10**14),
        st.none() | st.dates(date(2022, 1, 1), date(2027, 1, 1)),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one.model,
)


@given(standings)
def test_someone_is_always_left(models):
    known = [one for one in models if one.training is not None] or models
    assert any(surpassed_by(one, models) is None for one in known)


@given(standings)
def test_nobody_surpasses_himself_and_order_does_not_matter(models):
    for one in models:
        assert surpassed_by(one, [one]) is None
        assert surpassed_by(one, models) == surpassed_by(one, models[::-1])
