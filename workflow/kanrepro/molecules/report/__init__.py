"""Tables of transfer learning, and their part of the page."""
