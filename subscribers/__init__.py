"""The roster: who wants what, when, and by which consent. Knows nothing of articles, editions or mail.

models.py    Topic, Subscriber, Subscription, Profile, Consent, Suppression
types.py     the frozen values this package hands out
roster.py    the verbs: sign_up, confirm, unsubscribe, add, remove, due ... (this package's own SQL)
cadence.py   pure: when is a reader due next
tokens.py    pure: signed links, bound to purpose and person
web.py       the pages: form, confirm, one-click unsubscribe
"""
