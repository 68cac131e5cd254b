"""Reports: tables for the terminal and for papers, and the words that go with them."""
