"""Proctoring's REST routes, one module for each thing they are about."""

from services.proctoring.routes import alerts, attempts, exams, students

ROUTERS = [exams.router, alerts.router, attempts.router, students.router]
