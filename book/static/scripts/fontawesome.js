// Empty on purpose: it takes the place of the theme's 1.5 MB script. The icons come from a font.
