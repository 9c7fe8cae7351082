"""Exams: questions, banks, exams with their schedules, and the frozen versions that are sat.

It owns everything an author writes, keys included, and promises that a published version never changes, that an exam is only published when every
rule holds, and that no key, weight, explanation or access code leaves it but to the exam's authors and to grading.
"""
