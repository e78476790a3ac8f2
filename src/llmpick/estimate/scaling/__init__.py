"""Scaling laws: the loss that parameters and tokens lead to, the best split of a budget, and laws fitted to one's own runs.

`conventions` says how parameters and FLOPs are counted, `laws` what every law answers; `kaplan`, `published`, `repeated` and `gadre` hold
the published ones, `registry` finds them by name; `optimal` splits budgets; `forms`, `huber`, `fitting`, `outliers` and `profile` fit.
"""
