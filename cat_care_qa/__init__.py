"""Questions and answers on keeping cats: knowledge, experience and feelings."""

from cat_care_qa.builder import CatCareQA

__all__ = ["CatCareQA"]
