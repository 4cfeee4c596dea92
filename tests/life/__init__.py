"""The ordinary life of an application with a vendor's official client, told as calls, and what it is answered.

The same calls are asked of the vendor's own server, of the daemon in front of it, and of the daemon once another database
answers in its place: `answers` says whether the answers are the same, `qdrant` and `pinecone` are the lives, `story` is
the order of events, `daemon` what serves.
"""
