"""Mail -> inbox: the ledger's promise (docs/design.md, section 5), the sender, and one file per provider."""
