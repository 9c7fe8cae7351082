"""Examhall in a cluster: the Helm chart, what it is made from, images, dashboards and alert rules."""
