"""Table 7 and Figure 3."""
