"""Codeword to picture and back: grid, cells, patterns and mask; pure arrays in, arrays out."""
