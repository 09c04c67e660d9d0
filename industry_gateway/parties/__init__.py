"""The parties that this gateway vouches for: who they are, and how they say so."""
