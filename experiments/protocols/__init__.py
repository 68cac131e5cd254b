"""Every method under the shared protocol and under its paper's, side by side; see docs/findings_by_protocol.md."""
