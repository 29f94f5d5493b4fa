"""What happens to a received fax: mail."""
