"""`examhall doctor`: looks at everything an installation stands on, and says in plain words what is wrong and what to do about it."""
