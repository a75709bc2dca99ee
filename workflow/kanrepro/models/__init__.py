"""Encoders."""

from kanrepro.models.gin import GIN as GIN
