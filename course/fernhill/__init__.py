"""Fernhill, the repair shop whose knowledge base lesson 15 migrates: its records, and the two stores that they are in.

`take_up(stack)` gives the shop as it was left, or at the known start; its `reset()` brings the known start back.
`python -m course.fernhill` embeds the articles anew after one of them was changed. What is right stands in the checks.
"""

from course.fernhill.records import Article, Mechanic, articles, embeddings, mechanics
from course.fernhill.shop import COLLECTION, DATABASE, Shop, take_up

__all__ = ["COLLECTION", "DATABASE", "Article", "Mechanic", "Shop", "articles", "embeddings", "mechanics", "take_up"]
