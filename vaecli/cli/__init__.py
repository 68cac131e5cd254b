"""The command line: one command a file, each parsing, calling and printing; heavy imports happen inside commands."""
