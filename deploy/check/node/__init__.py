"""Runs the chart for real: one node of Kubernetes on this machine, with the images in its pods.

    python -m deploy.check node [--prefix REGISTRY/] [--tag TAG]        `make deploy-check-node`

`machine.py` says what the machine must have, and makes namespaces of their own: network, mounts and processes of the node end with the check.
`surroundings.py` prepares them, `runtime.py` and `cluster.py` start the node, `beside.py` the servers that stand beside it, and `life.py` lives
the life of a release there, while `watching.py` sees what becomes of each pod.
"""
