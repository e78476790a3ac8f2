"""What is certain without any published score: a model of next to no size, on next to no text, can do next to nothing.

Curves are learnt from the sizes that somebody scored. Where all of a benchmark's scores come from one family of tuned models, nothing else
keeps the line through them from running level, or up, to the smallest base model. So such a model, `BLANK`, counts as observed on every
benchmark at a latent ability of `LATENT`, some 10 points above guessing, give or take `SD`: loose enough to leave flat tasks flat where
they were scored. It is no datum: the hyperparameters are fitted without it, and both numbers are assumptions.
"""

from datetime import date

from llmpick.evidence.ability import AbilityFacts

LATENT, SD = -2.0, 4.0
BLANK = AbilityFacts("blank", "blank", 1e6, None, 1e9, date(2022, 1, 1), tuned=False, languages=("en", "zh"))
