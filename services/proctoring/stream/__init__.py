"""The stream: a Faust app that watches running attempts and exams. No database and no HTTP: topics in, topics out, state in tables with changelogs.

What it decides is in pure modules (`services.proctoring.attempt_watch`, `services.proctoring.exam_watch`); here is how nothing gets lost on the way.
Every agent goes through `durable`: an event counts as taken in when what it led to has been told and stored, whatever happens in between.
"""
