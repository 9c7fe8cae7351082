"""Analytics: what all that has happened adds up to, for exams, questions, people, classes and centres.

It owns read models made from other services' events alone, asks nobody anything while answering, and promises that the same events give the same
figures in whatever order and however often they arrive, so that the models can be thrown away and built again at will (rebuilding.py).
"""
