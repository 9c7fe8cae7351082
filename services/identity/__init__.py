"""Identity: people, classes and centres, and who someone is when they sign in.

It owns accounts, passwords, sessions and signing keys, and promises that a password can't be guessed, that a refresh token works once, and that an
ended session's access tokens are refused everywhere before the one who ended it gets an answer. It also keeps the audit log of all services.
"""
