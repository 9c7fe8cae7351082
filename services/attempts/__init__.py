"""Attempts: who may start, the order of questions, every answer saved, the clock, and the one submission.

This service owns attempts and answers. It promises that an acknowledged answer is committed and is in the submission, that a student has at most
one open attempt at an exam, that an attempt is submitted exactly once and within a second of its deadline, and that an attempt looks the same
for ever. Starting and sitting need no other service: exams, papers and people are kept here as copies.
"""
