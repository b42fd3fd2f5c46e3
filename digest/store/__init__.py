"""This package's SQL, grouped by what it serves; functions are verbs and take a session from `db`.

db.py         the engine, reading and writing, database time
sources.py    the sources, their topics, and which are due
gathers.py    what a gather left behind of a source
articles.py   known articles, new and changed ones, their topics
matches.py    topic rules, and the articles of the last days for them
keys.py       keys of the inbound API
calls.py      its calls by idempotency key, and their answers
stories.py    open stories, joining, what an edition may tell
editions.py   planning: editions, deliveries, freezing
ledger.py     the promise; chunks under lease
attempts.py   what was written down before a call, what became of it
sendable.py   who may still be mailed
events.py     what providers told us later
memory.py     what each reader was already sent
clock.py      the clock's lease
schema.py     migrations
"""
