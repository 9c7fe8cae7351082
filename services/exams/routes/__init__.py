"""The REST side of the exams service: HTTP in, HTTP out; no decision."""
