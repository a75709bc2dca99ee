"""Tables 2 to 4 and Figure 4."""
