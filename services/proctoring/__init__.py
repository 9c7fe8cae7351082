"""Proctoring: takes the signals of running attempts and says what they show, in words, with the evidence.

It owns signals, alerts, reviews and baselines, and promises that every number it gives can be unfolded down to the signals that made it,
that the same events give the same numbers in whatever order and however often they come, and that no alert rests on behaviour statistics alone.
"""
