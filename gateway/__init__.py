"""The one entry of an installation: it routes by path prefix, refuses bad tokens early, limits rates, and gathers saves into batches.

It knows no domain rule and keeps no state that a restart would lose. Services check every token again: nobody is trusted for having
come through here. What it promises: a request is answered within bounded time, by its service or by a problem that says what to do;
a service that restarts is waited for; the more saves arrive at once, the less each of them costs.
"""
