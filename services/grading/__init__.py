"""Grading: what answers are worth, by rule and by human judgement, and when students get to know.

It owns grades, marks and their history, and promises that a submitted attempt gets exactly one grade, that the same answers get the same marks
however often they are marked, that no human mark is lost or overwritten unseen, and that nothing of a grade reaches a student before its release.
"""
