"""What an architecture means for one sequence."""

from llmpick.estimate.sequence_memory import meaning_of
from llmpick.evidence.model import Architecture, AttentionLayer, RecurrentLayer


def test_a_sliding_layer_keeps_no_more_than_its_window():
    layers = (AttentionLayer(4, 128, 128), *[AttentionLayer(4, 128, 128, window=512)] * 5)
    meaning = meaning_of(Architecture("sliding", 512, 1000, layers), 32768)
    assert [(kind.count, kind.window) for kind in meaning.kinds] == [(1, None), (5, 512)]
    assert meaning.per_token_bytes == 2 * 1024
    assert meaning.at == ((4096, 2048 * (4096 + 5 * 512)), (32768, 2048 * (32768 + 5 * 512)))


def test_without_a_known_context_the_smallest_common_ones_stand():
    meaning = meaning_of(Architecture("plain", 512, 1000, (AttentionLayer(1, 64, 64),)))
    assert [tokens for tokens, _ in meaning.at] == [4096, 32768, 131072]


def test_a_latent_layer_keeps_one_vector():
    (kind,) = meaning_of(Architecture("mla", 512, 1000, (AttentionLayer(1, 576, 0, latent=True),))).kinds
    assert (kind.kind, kind.per_token) == ("latent attention", 576)


def test_a_recurrent_layer_keeps_the_same_for_every_context():
    layers = (AttentionLayer(2, 64, 64), RecurrentLayer(1000, 24), RecurrentLayer(1000, 24))
    meaning = meaning_of(Architecture("hybrid", 512, 1000, layers), 8192)
    assert [(kind.count, kind.kind) for kind in meaning.kinds] == [(1, "full attention"), (2, "recurrent")]
    assert meaning.state_bytes == 2 * 1024 * 4
    assert meaning.per_token_bytes == 512
    assert meaning.at == ((4096, 4096 * 512 + 8192), (8192, 8192 * 512 + 8192))
