"""How a registry's database got to be what it is, step by step; run by Alembic."""
