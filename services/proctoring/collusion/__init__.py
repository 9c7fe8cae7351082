"""Collusion: who answers so like whom, that chance and equal knowledge do not explain it, and how sure that is.

Pure statistics on plain arrays: no clock, no storage, no network. While an exam runs, `evidence` turns every answer into a row of bets, whose
winnings are e-values: they may be looked at at any moment, and their error bound holds. At the close, `closing` screens all pairs and adds the
indices of the literature. `discoveries` decides which pairs may be shown at a given rate of false discoveries; `explanation` says why.
"""
