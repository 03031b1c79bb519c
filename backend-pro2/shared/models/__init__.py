"""Records and enums of tables that more than one service reads."""
