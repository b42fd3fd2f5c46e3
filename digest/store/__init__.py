"""This package's SQL, grouped by what it serves; functions are verbs and take a session from `db`.

db.py         the engine, reading and writing, database time
sources.py    which sources are due; what a gather changed
articles.py   known articles, new ones, their topics
stories.py    open stories, joining, what an edition may tell
editions.py   planning: editions, deliveries, freezing
ledger.py     chunks, attempts, outcomes
clock.py      the clock's lease
schema.py     migrations
"""
