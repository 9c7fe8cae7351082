"""Installs the chart for real: into control planes of Kubernetes made from source, without nodes, under every values file and by both helms.

    python -m deploy.check [CASE]… [--kubernetes 1.37] [--helm 4]        `make deploy-check` runs all of it

API server, controller manager, etcd and Helm 4 are compiled once from Go modules (`kubernetes/*/go.mod` names versions and hashes) and kept in
a cache. No container runs: a stand-in (`standin.py`) completes migrations by running their very commands here, and reports other pods as ready.
"""
