"""The roster: who wants what, when, and by which consent. Knows nothing of articles, editions or mail.

models.py    Topic, Subscriber, Subscription, Profile, Consent, Suppression
types.py     the frozen values this package takes and hands out; what an address and a name may be
errors.py    what is refused, each in one clear line
roster.py    the verbs on readers: sign_up, confirm, unsubscribe, add, remove, suppress ... (this package's own SQL)
topics.py    the verbs on topics
profiles.py  interned reader choices
cadence.py   pure: when is a reader due next
tokens.py    pure: signed links, bound to purpose and person; keyed hashes of addresses
i18n.py      catalogues and times in the reader's language, for pages and mails
pages.py     how a page is made: template, language, headers
forms.py     reading the sign-up form
web.py       the routes: form, confirm, one-click unsubscribe
"""
