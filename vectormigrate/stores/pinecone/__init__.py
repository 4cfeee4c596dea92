"""Pinecone: serverless and pod indexes over REST, as a store and as a facade.

The one surprise: nothing that is written can be read at once. Writes and queries carry log sequence numbers, and
`barrier` waits until the second has reached the first.
"""
