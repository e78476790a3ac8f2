"""Token F1: the overlap of two bags of words, as SQuAD scores its answers (Rajpurkar et al. 2016, section 6.1, https://arxiv.org/abs/1606.05250).

Han text counts by character. Unlike SQuAD's script this one keeps the articles a, an, the: they are words in no language but one.
"""

from collections import Counter

from llmpick.measure.compare import words


def score(output: str, reference: str) -> float:
    """2PR / (P + R) with P and R the shares of the output's and the reference's words that are in both, repeats counted.

    Without words on both sides it is 1 (both say nothing), without words on one side 0.
    """
    said, wanted = words(output), words(reference)
    if not said or not wanted:
        return float(said == wanted)
    common = (Counter(said) & Counter(wanted)).total()
    return 2 * common / (len(said) + len(wanted))
