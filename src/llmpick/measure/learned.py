"""The learned baseline: TF-IDF of character n-grams with logistic regression, and the folds it is tested on.

Nothing here was tuned on anybody's rows. N-grams of one to four characters inside word boundaries cover the common words of
Chinese (one to four characters) and the stems of English alike; sublinear counts and C = 5 are those of scikit-learn's own
example of text classification (https://scikit-learn.org/stable/auto_examples/text/plot_document_classification_20newsgroups.html).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

FOLDS = 5
FEWEST_ROWS = 10
"""Below it, or when a label has one row only, folds cannot hold every label."""


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of the rows to learn from and of those to be tested on."""

    train: Sequence[int]
    test: Sequence[int]


@dataclass(frozen=True)
class Vectors:
    """N-gram counts of all texts, counted once. Which n-grams are used and how they weigh is learnt from the training rows alone."""

    counts: Any = field(repr=False)

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Vectors":
        from sklearn.feature_extraction.text import CountVectorizer  # scikit-learn takes a second to load

        counts: Any = CountVectorizer(analyzer="char_wb", ngram_range=(1, 4), lowercase=True).fit_transform(texts)
        return cls(counts.tocsc())

    def predict(self, labels: Sequence[str], split: Split) -> list[str]:
        """The labels that a model trained on `split.train` gives to `split.test`. With one label to learn from, that label."""
        from sklearn.feature_extraction.text import TfidfTransformer
        from sklearn.linear_model import LogisticRegression

        known = [labels[row] for row in split.train]
        if len(set(known)) == 1:
            return known[:1] * len(split.test)
        seen = self.counts[split.train].tocsc()
        used = seen.getnnz(axis=0) > 0
        weights: Any = TfidfTransformer(sublinear_tf=True).fit(seen[:, used])
        # newton-cg finds the same optimum as the default solver, eight times as fast on texts (few rows, many n-grams).
        model = LogisticRegression(C=5, max_iter=1000, solver="newton-cg").fit(weights.transform(seen[:, used]).tocsr(), known)
        return [str(label) for label in model.predict(weights.transform(self.counts[split.test][:, used]).tocsr())]


def folds(labels: Sequence[str], seed: int) -> tuple[list[Split], str]:
    """The splits of a cross-validation in which every row is tested once, and a note where they are not five stratified ones.

    Needs two rows at least.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    rarest = min(Counter(labels).values())
    if len(labels) >= FEWEST_ROWS and rarest > 1:
        parts = min(FOLDS, rarest)
        note = "" if parts == FOLDS else f"{parts} folds, since the rarest label has {rarest} rows"
        chosen: Any = StratifiedKFold(parts, shuffle=True, random_state=seed)
    else:
        parts = min(FOLDS, len(labels))
        note = f"{parts} plain folds, since " + ("a label has one row only" if rarest == 1 else f"there are {len(labels)} rows only")
        chosen = KFold(parts, shuffle=True, random_state=seed)
    return [Split(train.tolist(), test.tolist()) for train, test in chosen.split(labels, labels)], note


def samples(labels: Sequence[str], rows: int, repeats: int, seed: int) -> Iterator[Split]:
    """`repeats` random samples of `rows` training rows, each with all other rows to test on; stratified where the labels allow it."""
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    stratified = min(Counter(labels).values()) > 1 and len(set(labels)) <= min(rows, len(labels) - rows)
    kind: Any = StratifiedShuffleSplit if stratified else ShuffleSplit
    for train, test in kind(repeats, train_size=rows, test_size=len(labels) - rows, random_state=seed).split(labels, labels):
        yield Split(train.tolist(), test.tolist())
