"""The verbs that cli, web, demo and the clock call."""
