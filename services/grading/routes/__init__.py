"""Grading's REST routes, a module for each kind of reader: who marks, who leads an exam, who sat it."""
