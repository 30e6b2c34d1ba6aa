"""How every page looks: its colours, its plots, its tables, its frame."""
