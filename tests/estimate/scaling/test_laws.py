"""What every law answers: losses that fall, intervals that widen, and numbers that say how they were counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.estimate.scaling.conventions import ConventionError, Flops, ModelSize, tokens_of_flops
from llmpick.estimate.scaling.laws import PER_DECADE, FittedRange, predict
from llmpick.estimate.scaling.published import EPOCH
from llmpick.estimate.scaling.registry import LAWS, SHORT, law_named
from llmpick.evidence.errors import InputError

PARAMS = st.floats(1e7, 1e13)
TOKENS = st.floats(1e8, 1e15)


@pytest.mark.parametrize("name", LAWS)
@given(params=PARAMS, tokens=TOKENS)
def test_more_of_anything_never_raises_the_loss(name: str, params: float, tokens: float):
    law = LAWS[name]
    here = float(law.at(params, tokens))
    assert here > 0
    assert float(law.at(10 * params, tokens)) <= here
    assert float(law.at(params, 10 * tokens)) <= here


@pytest.mark.parametrize("name", LAWS)
def test_a_law_broadcasts_and_its_interval_holds_the_value(name: str):
    law = LAWS[name]
    params, tokens = np.geomspace(1e7, 1e12, 4)[:, None], np.geomspace(1e9, 1e13, 3)
    found = predict(law, ModelSize(total=params, without_embeddings=params), tokens)
    assert found.value.shape == found.low.shape == found.decades_outside.shape == (4, 3)
    assert (found.low < found.value).all()
    assert (found.value < found.high).all()
    np.testing.assert_allclose(found.value[2, 1], float(law.at(params[2, 0], tokens[1])))


def test_inside_the_range_distance_is_zero_and_each_decade_outside_adds():
    inside = predict(EPOCH, ModelSize(total=1e9), 2e10)
    assert inside.decades_outside == 0
    widths = [np.log(found.high / found.value) for found in (predict(EPOCH, ModelSize(total=1e9), 3.2e11 * 10**k) for k in (0, 1, 2, 3))]
    assert all(np.diff(widths) > 0)
    far = predict(EPOCH, ModelSize(total=1e9), 3.2e14)
    assert far.decades_outside == pytest.approx(3, abs=0.01)
    assert np.log(far.high / far.value) > 1.64 * 3 * PER_DECADE


@pytest.mark.parametrize(
    ("params", "tokens", "epochs", "decades"),
    [
        (1e9, 1e10, 1, 0),
        (1e11, 1e10, 1, 1),  # FLOPs of the corner, parameters a decade outside
        (1e6, 1e10, 1, 2),
        (1e10, 1e12, 1, 1 / np.sqrt(2)),  # in the box, and a decade of FLOPs beyond the corner
        (1e11, 1e13, 1, 3 / np.sqrt(2)),
        (1e9, 1e10, 10, 1),
        (1e11, 1e10, 10, np.sqrt(2)),
    ],
)
def test_the_distance_to_a_range(params: float, tokens: float, epochs: float, decades: float):
    """A box of 1e8 to 1e10 parameters and 1e9 to 1e12 tokens whose corner beyond 6e21 FLOPs is cut off."""
    span = FittedRange((1e8, 1e10), (1e9, 1e12), (0.0, 6e21), epochs=1.0)
    assert span.decades_outside(params, tokens, epochs) == pytest.approx(decades)


def test_mixing_counts_of_parameters_is_an_error_and_knowing_the_embeddings_resolves_it():
    kaplan, epoch = LAWS["kaplan"], LAWS["epoch"]
    with pytest.raises(ConventionError, match="without embeddings"):
        predict(kaplan, ModelSize.of(7e9, "total"), 1e12)
    with pytest.raises(ConventionError, match="with embeddings"):
        predict(epoch, ModelSize.of(7e9, "without embeddings"), 1e12)
    both = ModelSize.of(7e9, "total", 2.6e8)
    assert both.without_embeddings == 7e9 - 2.6e8
    assert predict(kaplan, both, 1e12).value == kaplan.at(6.74e9, 1e12)
    assert ModelSize.of(6.74e9, "without embeddings", 2.6e8).total == 7e9
    with pytest.raises(InputError, match="embeddings alone"):
        ModelSize.of(1e8, "total", 2e8)


def test_mixing_counts_of_flops_is_an_error():
    assert Flops(1e20).as_counted("6ND", law="epoch") == 1e20
    with pytest.raises(ConventionError, match="these are counted"):
        Flops(1e20, "counted").as_counted("6ND", law="epoch")
    assert tokens_of_flops(6e20, 1e9) == 1e11


def test_a_law_is_found_by_its_name_or_a_short_one():
    assert law_named("Chinchilla").name == "hoffmann"
    assert {law_named(name).name for name in SHORT} <= LAWS.keys()
    with pytest.raises(InputError, match="no law 'kapln'") as error:
        law_named("kapln")
    assert "did you mean kaplan" in error.value.remedy
