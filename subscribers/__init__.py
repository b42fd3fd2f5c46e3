"""The roster: who wants what, when, and by which consent. Knows nothing of articles, editions or mail.

models.py    Topic, Subscriber, Subscription, Profile; Consent, Suppression; what was asked, counted, imported
types.py     the frozen values this package takes and hands out; what an address and a name may be
errors.py    what is refused, each in one clear line

what readers do
desk.py      the contract between the pages and whoever does the work
asks.py      what was asked through a page and waits to be worked off; the tally behind the caps
roster.py    how one becomes a reader and leaves: sign_up, confirm, unsubscribe, add
returning.py how a leaving is taken back
steer.py     how a reader steers: all choices, pause, a topic less, less often
account.py   what only a fresh link opens: the account, a move to another address, erasure
holding.py   everything we hold about one reader, as JSON and CSV
standing_in.py  nobody in particular, for work that is done and taken back

what stands behind it
consent.py   the consent log and its wordings
suppressions.py  addresses kept from mail, as keyed hashes
profiles.py  interned reader choices, and the due time that follows from them
topics.py    the verbs on topics
listing.py   readers as operators see them
due.py       who is due
transfer/    readers from files and into files
sql.py       small pieces of SQL

pure
cadence.py   when is a reader due next
gate.py      whose addresses may sign up
tokens.py    signed links, bound to purpose and person; keyed hashes of addresses
links.py, embed.py  the sign-up link, and the form for other sites
i18n.py, zones.py, colour.py  catalogues and times in the reader's language; time zones by name; a readable accent

the pages
web.py, routes/  the routes; describe.py among them is their OpenAPI description
pages.py     how a page is made: template, language, headers
forms.py, choices_form.py, menus.py  reading forms, and filling them
"""
