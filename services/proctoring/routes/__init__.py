"""Proctoring's REST routes, one module for each thing they are about."""

from fastapi import APIRouter

ROUTERS: list[APIRouter] = []
