"""What a page shows: static figures (`plots`) and figures that move (`widgets`)."""
