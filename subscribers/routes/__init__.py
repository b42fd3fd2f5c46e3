"""The readers' pages, a module for each walk. Each has `add(routes, desk, pages)`; `subscribers.web` assembles them.

GET never changes anything: link scanners open every link of a mail.
"""
