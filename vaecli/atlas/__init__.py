"""The atlas as it is shipped: small trials over methods, settings and corpora, and what they say of other runs."""
