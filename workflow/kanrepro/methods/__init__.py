"""The methods: what is learned from graphs without labels, one file each."""
