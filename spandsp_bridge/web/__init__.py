"""What the portal and the API share: who is asking, what that one may do, and live news."""
