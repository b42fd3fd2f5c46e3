"""This package's SQL, grouped by what it serves; functions are verbs and take a session from `db`.

db.py         the engine, reading and writing, database time
sources.py    which sources are due; what a gather changed
articles.py   known articles, new ones, their topics
stories.py    open stories, joining, what an edition may tell
editions.py   planning: editions, deliveries, freezing
ledger.py     the promise; chunks under lease
attempts.py   what was written down before a call, what became of it
sendable.py   who may still be mailed
memory.py     what each reader was already sent
clock.py      the clock's lease
schema.py     migrations
"""
