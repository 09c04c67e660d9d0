"""In life: institutions are asked again about what packages rest on, and holders are told what changed."""
