"""Ring 1: the protocol of one id as an explicit-state model, and three small sisters beside it.

Nothing here runs the program. Every interleaving of a few actors is walked, breadth first, and each state looked at;
`docs/protocol.md` says what is modelled and what is not. Rooms: `explore` walks any model; `state`, `clients`,
`replays`, `pages` and `faults` are the protocol of one id, put together by `protocol`; `predicate`, `cutover` and
`rollback` are models of their own; `catalogue` names the scenarios and, for each guard, the story without it.
"""
