"""The command line of Examhall and everything that makes one machine a whole installation."""
