"""The digest service: new articles by topic, one story once, one calm mail per reader, nothing lost.

The rooms, in the order an article walks through them:

    gather      sources -> articles: `fetch` is the only door to the outside, `feed` reads, `decide` judges purely
    stories     articles -> stories: match topics, cluster, rank, summarise; all pure
    compose     stories x reader -> mail: blocks compiled once per edition, joined per reader
    dispatch    mail -> inbox: the sender, one file per provider; and back: what providers tell later
    store       this package's SQL, the ledger among it
    service     the verbs that cli, web and the clock call: gather, plan, dispatch
    engine      where work runs
    web, cli    pages and commands, thin
    demo        a fictional town with its publishers, to see everything work

Imports point one way: cli, web, demo -> service -> gather | stories | compose | dispatch | engine -> store -> models ->
types, settings, errors. The stage rooms never import each other; they meet in `service`.
"""
