"""The methods: what is learned from graphs without labels, one file each; a user's own is taken in the same way."""

from kanrepro.methods.method import Method as Method
