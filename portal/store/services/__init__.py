"""What changes a shop: plain functions on a session, grouped by what they do. They raise and never commit."""
